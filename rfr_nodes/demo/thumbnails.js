const row = element.querySelector('.thumbnails-row');

function button(item, index) {
  const one = document.createElement('button');
  const image = document.createElement('img');
  const label = document.createElement('span');
  one.type = 'button';
  if (item.chosen) one.setAttribute('aria-current', 'true');
  image.src = item.image.url;
  image.alt = '';
  label.textContent = item.label;
  one.append(image, label);
  one.addEventListener('click', () => trigger('pick', { index }));
  return one;
}

function show() {
  row.replaceChildren(...(props.value || []).map(button));
}

watch('value', show);
show();
