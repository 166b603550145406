// Photos that are dropped or pasted anywhere, and the question before one with fills is left.
const here = element.querySelector('.drop-here');
const said = element.querySelector('.drop-said');
const dialog = element.querySelector('.replace');
let fills = 0; // of the photo that is there

function sure() {
  if (!fills) return Promise.resolve(true);
  return new Promise((resolve) => {
    dialog.returnValue = '';
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true });
    dialog.showModal();
  });
}

async function take(file) {
  said.textContent = '';
  if (!file.type.startsWith('image/')) {
    said.textContent = word('no-picture');
    return;
  }
  if (!await sure()) return;
  try {
    const sent = await upload(file);
    trigger('dropped', { path: sent.path, orig_name: file.name });
  } catch (error) {
    said.textContent = word('not-sent');
  }
}

const ownPlace = (event) => event.target.closest?.('#photo, #mask'); // Gradio's fields take what is dropped on them
const hasFiles = (event) => [...(event.dataTransfer?.types || [])].includes('Files');

dialog.querySelectorAll('button').forEach((button) => {
  button.addEventListener('click', () => dialog.close(button.value));
});
document.addEventListener('dragover', (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  here.hidden = Boolean(ownPlace(event));
});
document.addEventListener('dragleave', (event) => { if (!event.relatedTarget) here.hidden = true; });
document.addEventListener('drop', (event) => {
  here.hidden = true;
  if (!hasFiles(event)) return;
  event.preventDefault();
  if (!ownPlace(event) && event.dataTransfer.files.length) take(event.dataTransfer.files[0]);
});
document.addEventListener('paste', (event) => {
  const file = [...(event.clipboardData?.files || [])][0];
  if (!file) return;
  event.preventDefault();
  event.stopImmediatePropagation(); // Gradio's fields would take it, too
  take(file);
}, true);
document.addEventListener('rfr-photo', (event) => { fills = event.detail.fills; });
document.addEventListener('rfr-leave', async () => {
  if (!await sure()) return;
  fills = 0;
  sessionStorage.removeItem('rfr-session');
  trigger('left');
});
element.dataset.listening = ''; // from here on nothing that is dropped is lost
