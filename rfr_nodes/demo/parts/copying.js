// The result in the clipboard: the prepared download where the browser can read it, else what is shown.
async function png(url) {
  const picture = await createImageBitmap(await (await fetch(url)).blob());
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [picture.width, picture.height];
  canvas.getContext('2d').drawImage(picture, 0, 0);
  return new Promise((resolve) => { canvas.toBlob(resolve, 'image/png'); });
}

const canCopy = Boolean(navigator.clipboard?.write && window.ClipboardItem);

let prepared = ''; // the address of the download
document.addEventListener('rfr-file', (event) => { prepared = event.detail?.url || ''; });

// version: whose download counts. Returns whether the full picture was copied.
async function copy(shown, version) {
  let whole = prepared.includes('/' + version + '/');
  const preview = () => {
    whole = false;
    return png(shown);
  };
  const picture = whole ? png(prepared).catch(preview) : preview();
  await navigator.clipboard.write([new ClipboardItem({ 'image/png': picture })]);
  return whole;
}
