const find = (selector) => element.querySelector(selector);
const photo = find('.painter-photo');
const canvas = find('.painter-mask');
const stage = find('.painter-stage');
const cursor = find('.painter-cursor');
const said = find('.painter-said');
const undoButton = find('[data-action="undo"]');
const clearButton = find('[data-action="clear"]');
const pen = canvas.getContext('2d');
const COLOUR = '#ff2d78';

let tool = 'brush';
let strokes = []; // painted so far, each {tool, size, points} in canvas pixels, or {mask} for one from a file
let stroke = null; // the one being painted
let place = null; // where the keys have moved the brush, in canvas pixels
let newest = 0; // counts photos, so that one that loads late is dropped

const side = () => Math.max(canvas.width, canvas.height);
const zoom = () => Number(find('[data-range="zoom"]').value);
const diameter = () => Math.max(2, side() * Number(find('[data-range="size"]').value) / 100 / zoom());

function draw(one) {
  pen.globalCompositeOperation = one.tool === 'eraser' ? 'destination-out' : 'source-over';
  if (one.mask) {
    pen.drawImage(one.mask, 0, 0, canvas.width, canvas.height);
    return;
  }
  pen.strokeStyle = COLOUR;
  pen.lineWidth = one.size;
  pen.lineCap = pen.lineJoin = 'round';
  pen.beginPath();
  pen.moveTo(one.points[0].x + 0.01, one.points[0].y); // a line without length would not be drawn: a dot is one
  one.points.forEach((point) => pen.lineTo(point.x, point.y));
  pen.stroke();
}

function redraw() {
  pen.clearRect(0, 0, canvas.width, canvas.height);
  strokes.forEach(draw);
  if (stroke) draw(stroke);
}

function publish() {
  const untouched = strokes.length === 1 && Boolean(strokes[0].mask);
  undoButton.disabled = clearButton.disabled = strokes.length === 0;
  props.value = { ...props.value, layer: strokes.length ? canvas.toDataURL('image/png') : '', untouched };
}

function say(text) {
  said.textContent = text;
}

function choose(name) {
  tool = name;
  element.querySelectorAll('[data-tool]').forEach((button) => {
    button.setAttribute('aria-pressed', String(button.dataset.tool === name));
  });
}

function undo() {
  if (!strokes.length) return;
  strokes.pop();
  redraw();
  publish();
  say('Stroke undone');
}

function clear() {
  if (!strokes.length) return;
  strokes = [];
  redraw();
  publish();
  say('Cleared');
}

function pointOf(event) {
  const box = canvas.getBoundingClientRect();
  return {
    x: (event.clientX - box.left) * canvas.width / box.width,
    y: (event.clientY - box.top) * canvas.height / box.height,
  };
}

function showCursor(point) {
  const scale = stage.clientWidth / canvas.width;
  const size = diameter() * scale;
  cursor.style.width = cursor.style.height = size + 'px';
  cursor.style.left = point.x * scale - size / 2 + 'px';
  cursor.style.top = point.y * scale - size / 2 + 'px';
  cursor.hidden = false;
}

function begin(point) {
  stroke = { tool, size: diameter(), points: [point] };
  draw(stroke);
}

function extend(points) {
  stroke.points.push(...points);
  redraw();
}

function end() {
  if (!stroke) return;
  strokes.push(stroke);
  stroke = null;
  publish();
}

canvas.addEventListener('pointerdown', (event) => {
  if (event.button !== 0 || !event.isPrimary) return;
  canvas.setPointerCapture(event.pointerId);
  place = pointOf(event);
  begin(place);
});
canvas.addEventListener('pointermove', (event) => {
  showCursor(pointOf(event));
  if (!stroke || !event.isPrimary) return;
  const passed = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
  extend((passed.length ? passed : [event]).map(pointOf));
});
canvas.addEventListener('pointerup', end);
canvas.addEventListener('pointercancel', () => { stroke = null; redraw(); }); // a second finger: pinch, not paint
canvas.addEventListener('pointerleave', () => { cursor.hidden = document.activeElement !== canvas; });

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function move(direction, far) {
  const step = Math.max(1, diameter() / (far ? 1 : 4));
  const from = place || { x: canvas.width / 2, y: canvas.height / 2 };
  place = {
    x: Math.min(canvas.width, Math.max(0, from.x + direction[0] * step)),
    y: Math.min(canvas.height, Math.max(0, from.y + direction[1] * step)),
  };
  if (stroke) extend([place]);
  showCursor(place);
  say(Math.round(100 * place.x / canvas.width) + ' % from the left, ' +
      Math.round(100 * place.y / canvas.height) + ' % from the top');
}

function resize(by) {
  const range = find('[data-range="size"]');
  range.value = Number(range.value) + by;
  if (place) showCursor(place);
}

const KEYS = {
  b: () => choose('brush'),
  e: () => choose('eraser'),
  '+': () => resize(1),
  '-': () => resize(-1),
  ']': () => resize(1),
  '[': () => resize(-1),
  Delete: clear,
};

canvas.addEventListener('keydown', (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === 'z') undo();
  else if (event.ctrlKey || event.metaKey || event.altKey) return;
  else if (event.key === ' ') {
    place = place || { x: canvas.width / 2, y: canvas.height / 2 };
    if (!stroke) begin(place);
    showCursor(place);
  } else if (ARROWS[event.key]) move(ARROWS[event.key], event.shiftKey);
  else if (KEYS[event.key]) KEYS[event.key]();
  else return;
  event.preventDefault();
});
canvas.addEventListener('keyup', (event) => { if (event.key === ' ') end(); });
canvas.addEventListener('focus', () => { if (place) showCursor(place); });
canvas.addEventListener('blur', () => { end(); cursor.hidden = true; });

element.querySelectorAll('[data-tool]').forEach((button) => {
  button.addEventListener('click', () => choose(button.dataset.tool));
});
undoButton.addEventListener('click', undo);
clearButton.addEventListener('click', clear);
find('[data-range="zoom"]').addEventListener('input', () => {
  const view = find('.painter-view');
  const middle = [(view.scrollLeft + view.clientWidth / 2) / stage.clientWidth,
                  (view.scrollTop + view.clientHeight / 2) / stage.clientHeight];
  stage.style.width = zoom() * 100 + '%';
  view.scrollLeft = middle[0] * stage.clientWidth - view.clientWidth / 2;
  view.scrollTop = middle[1] * stage.clientHeight - view.clientHeight / 2;
});

function loaded(url) {
  return new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = reject;
    image.src = url;
  });
}

async function show(value) {
  if (!value || !value.photo) return;
  const mine = ++newest;
  const [picture, mask] = await Promise.all([loaded(value.photo.url), value.mask && loaded(value.mask.url)]);
  if (mine !== newest) return;
  photo.src = value.photo.url;
  canvas.width = picture.naturalWidth;
  canvas.height = picture.naturalHeight;
  stage.style.aspectRatio = canvas.width + ' / ' + canvas.height;
  element.style.setProperty('--ratio', canvas.width / canvas.height);
  find('[data-range="zoom"]').value = 1;
  stage.style.width = '100%';
  cursor.hidden = true;
  strokes = mask ? [{ mask }] : [];
  stroke = place = null;
  redraw();
  publish();
  element.dataset.ready = String(mine);
}

cursor.hidden = true;
watch('value', () => show(props.value));
show(props.value);
