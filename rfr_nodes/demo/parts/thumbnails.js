// Small pictures to choose from.
const root = element.querySelector('.thumbnails');
const row = element.querySelector('.thumbnails-row');
root.setAttribute('aria-label', word(TITLE));
element.querySelector('.thumbnails-label').textContent = word(TITLE);

function named(label) {
  if (typeof label !== 'number') return label;
  return label ? word('fill', { i: label }) : word('original');
}

function button(item, index) {
  const one = document.createElement('button');
  const image = document.createElement('img');
  const label = document.createElement('span');
  one.type = 'button';
  if (item.chosen) one.setAttribute('aria-current', 'true');
  image.src = item.image.url;
  image.alt = '';
  label.textContent = named(item.label);
  one.append(image, label);
  one.addEventListener('click', () => trigger('pick', { index }));
  return one;
}

function show() {
  const items = props.value || [];
  root.hidden = !items.length;
  row.replaceChildren(...items.map(button));
}

watch('value', show);
show();
