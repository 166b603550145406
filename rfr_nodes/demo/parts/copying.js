// The result in the clipboard: the prepared download where the browser can read it, else what is shown.
async function png(url) {
  const picture = await createImageBitmap(await (await fetch(url)).blob());
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [picture.width, picture.height];
  canvas.getContext('2d').drawImage(picture, 0, 0);
  return new Promise((resolve) => { canvas.toBlob(resolve, 'image/png'); });
}

const canCopy = Boolean(navigator.clipboard?.write && window.ClipboardItem);

function copy(shown) {
  const prepared = document.querySelector('#download a[href], a#download[href]')?.href;
  const picture = prepared ? png(prepared).catch(() => png(shown)) : png(shown);
  return navigator.clipboard.write([new ClipboardItem({ 'image/png': picture })]);
}
