// The painter's keys: those of the page, wherever the focus is, and those of the painting area.
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function resize(by) {
  range.value = Number(range.value) + by;
  if (place) showCursor(place);
}

const KEYS = {
  b: () => choose('brush'),
  e: () => choose('eraser'),
  r: () => choose('rectangle'),
  l: () => choose('lasso'),
  '[': () => resize(-1),
  ']': () => resize(1),
  '+': () => viewport.zoom(1.5),
  '=': () => viewport.zoom(1.5),
  '-': () => viewport.zoom(1 / 1.5),
  0: () => viewport.set(WHOLE),
  delete: clear,
  escape: cancel,
};

const CONTROL_KEYS = {
  z: undo,
  'shift+z': redo,
  y: redo,
  enter: run,
};

const isTyping = (target) =>
  target.matches?.('textarea, select, [contenteditable], input:not([type=range], [type=checkbox], [type=radio])');

// Space presses the button that has the focus, unless the mouse is at work over the photo.
const wantsPan = (target) =>
  target === document.body || target === canvas || (byPointer && view.matches(':hover'));

function onKey(event) {
  if (!element.isConnected || isTyping(event.target) || document.querySelector('dialog[open]')) return;
  const control = event.ctrlKey || event.metaKey;
  const key = event.key.toLowerCase();
  const handler = control ? CONTROL_KEYS[(event.shiftKey ? 'shift+' : '') + key] : !event.altKey && KEYS[key];
  if (handler) handler();
  else if (key === ' ' && !control && wantsPan(event.target)) gestures.hold(view, true);
  else return;
  event.preventDefault();
}

function move(direction, far) {
  const size = Math.max(1, diameter() / (far ? 1 : 4));
  const from = place || { x: canvas.width / 2, y: canvas.height / 2 };
  place = {
    x: Math.min(canvas.width, Math.max(0, from.x + direction[0] * size)),
    y: Math.min(canvas.height, Math.max(0, from.y + direction[1] * size)),
  };
  if (mark) extend([place]);
  showCursor(place);
  say(word('position', {
    x: Math.round(100 * place.x / canvas.width),
    y: Math.round(100 * place.y / canvas.height),
  }));
}

// A brush paints while Space is down; a shape has its first corner at one press and its last at the next.
function space() {
  place = place || { x: canvas.width / 2, y: canvas.height / 2 };
  if (!mark) begin(place);
  else if (isShape(mark)) end();
  if (mark && isShape(mark)) say(word('shape-corner'));
  showCursor(place);
}

document.addEventListener('keydown', (event) => { if (event.key === 'Tab') byPointer = false; });
document.addEventListener('keydown', onKey);
canvas.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (ARROWS[event.key]) {
    byPointer = false;
    move(ARROWS[event.key], event.shiftKey);
  } else if (event.key === ' ' && !byPointer) {
    if (!event.repeat) space();
  } else return;
  event.preventDefault();
  event.stopPropagation();
});
canvas.addEventListener('keyup', (event) => { if (event.key === ' ' && mark && !isShape(mark) && !byPointer) end(); });
canvas.addEventListener('focus', () => { if (place && !byPointer) showCursor(place); });
