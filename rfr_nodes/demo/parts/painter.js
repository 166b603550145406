// The painter: the photo, the marks on it, and the tools that make them.
const find = (selector) => element.querySelector(selector);
const photo = find('.painter-photo');
const canvas = find('.painter-mask');
const shape = find('.painter-shape');
const view = find('.painter-view');
const cursor = find('.painter-cursor');
const range = find('[data-range="size"]');
const button = (name) => find('[data-action="' + name + '"]');
const pen = canvas.getContext('2d');
const shapePen = shape.getContext('2d');

let tool = 'brush';
let marks = []; // on the photo by now
let mark = null; // the one that is being made
let byPointer = false; // whether the pointer, not the keys, was used last
let place = null; // where the keys have moved the brush, in canvas pixels
let session = null;
let version = null;
let newest = 0; // counts photos, so that one that loads late is dropped
let waiting = null; // the marks that there are once the server has undone or redone a fill
let running = false;
let auto = false;

const diameter = () =>
  Math.max(2, Math.max(canvas.width, canvas.height) * Number(range.value) / 100 / viewport.now.scale);
const say = (text) => { find('.painter-said').textContent = text; };

function publish() {
  const given = marks.filter((one) => one.mask).pop();
  button('undo').disabled = !timeline.past.length;
  button('redo').disabled = !timeline.future.length;
  button('clear').disabled = !marks.length;
  props.value = { ...props.value, layer: marks.length ? canvas.toDataURL('image/png') : '', number: given ? given.number : null };
}

function put(next) {
  marks = next;
  drawAll(pen, marks);
  publish();
}

function change(next) {
  timeline.add({ fill: false, before: marks, after: next });
  put(next);
}

function choose(name) {
  cancel();
  tool = name;
  element.querySelectorAll('[data-tool]').forEach((one) => {
    one.setAttribute('aria-pressed', String(one.dataset.tool === name));
  });
  if (place) showCursor(place);
}

// Undo and redo. A fill is taken back, or brought back, by the server; its answer goes to `show`.
function step(action, marksThen, event, said) {
  if (!action) return;
  if (action.fill) {
    waiting = marksThen;
    trigger(event);
  } else put(marksThen);
  say(word(said));
}

function undo() {
  const next = timeline.past[timeline.past.length - 1];
  if (mark || waiting || !next || (running && next.fill)) return;
  step(timeline.back(), next.before, 'undo', 'undone');
}

function redo() {
  const next = timeline.future[timeline.future.length - 1];
  if (mark || waiting || !next || (running && next.fill)) return;
  step(timeline.forth(), next.after, 'redo', 'redone');
}

function clear() {
  if (!marks.length) return;
  change([]);
  say(word('cleared'));
}

function pointOf(event) {
  const box = canvas.getBoundingClientRect();
  return {
    x: (event.clientX - box.left) * canvas.width / box.width,
    y: (event.clientY - box.top) * canvas.height / box.height,
  };
}

function showCursor(point) {
  const scale = viewport.place.width / canvas.width;
  const size = tool === 'rectangle' || tool === 'lasso' ? 8 : diameter() * scale;
  Object.assign(cursor.style, {
    width: size + 'px',
    height: size + 'px',
    left: point.x * scale - size / 2 + 'px',
    top: point.y * scale - size / 2 + 'px',
  });
  cursor.hidden = false;
}

function begin(point) {
  mark = { tool, size: diameter(), points: [point] };
  if (!isShape(mark)) draw(pen, mark);
}

function extend(points) {
  const from = mark.points.length;
  mark.points.push(...points);
  if (isShape(mark)) drawAll(shapePen, [mark]);
  else draw(pen, mark, from);
}

function end() {
  if (!mark) return;
  const made = mark;
  mark = null;
  shapePen.clearRect(0, 0, shape.width, shape.height);
  if (isShape(made)) draw(pen, made);
  change([...marks, made]);
  if (auto) run();
}

function cancel() {
  if (!mark) return;
  mark = null;
  shapePen.clearRect(0, 0, shape.width, shape.height);
  drawAll(pen, marks);
}

canvas.addEventListener('pointerdown', (event) => {
  if (event.button !== 0 || !event.isPrimary) return;
  canvas.setPointerCapture(event.pointerId);
  byPointer = true;
  place = pointOf(event);
  begin(place);
});
canvas.addEventListener('pointermove', (event) => {
  showCursor(pointOf(event));
  if (!mark || !event.isPrimary) return;
  const passed = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
  extend((passed.length ? passed : [event]).map(pointOf));
});
canvas.addEventListener('pointerup', end);
canvas.addEventListener('pointercancel', cancel);
canvas.addEventListener('pointerleave', () => { cursor.hidden = byPointer || document.activeElement !== canvas; });
canvas.addEventListener('blur', () => { if (!byPointer) end(); cursor.hidden = true; });

element.querySelectorAll('[data-tool]').forEach((one) => {
  one.addEventListener('click', () => choose(one.dataset.tool));
});
button('undo').addEventListener('click', undo);
button('redo').addEventListener('click', redo);
button('clear').addEventListener('click', clear);
button('in').addEventListener('click', () => viewport.zoom(1.5));
button('out').addEventListener('click', () => viewport.zoom(1 / 1.5));
button('fit').addEventListener('click', () => viewport.set(WHOLE));
button('auto').addEventListener('click', () => {
  auto = !auto;
  button('auto').setAttribute('aria-pressed', String(auto));
});

function loaded(url) {
  return new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = reject;
    image.src = url;
  });
}

// As the button does; while something runs it cannot be pressed.
function run() {
  if (marks.length) document.querySelector('#remove:not([disabled])')?.click();
}

// What the server sends: another photo, a mask from a file, or another version of the photo.
async function show(value) {
  if (!value || !value.photo) return;
  const mine = ++newest;
  if (value.session !== session) viewport.show(...value.size); // before the photo is there, so that nothing moves then
  const [picture, mask] = await Promise.all([loaded(value.photo.url), value.mask && loaded(value.mask.url)]);
  if (mine !== newest) return;
  photo.src = value.photo.url;
  photo.alt = word('painted-photo');
  const another = value.session !== session;
  if (another) {
    session = value.session;
    sessionStorage.setItem('rfr-session', session);
    [canvas.width, canvas.height] = [shape.width, shape.height] = [picture.naturalWidth, picture.naturalHeight];
    viewport.show(canvas.width, canvas.height);
    viewport.set(WHOLE);
    mark = place = waiting = null;
    marks = [];
    timeline.begin(value.undoable, value.redoable);
  }
  take(value, mask, another);
  version = value.version;
  document.dispatchEvent(new CustomEvent('rfr-photo', { detail: { fills: value.undoable + value.redoable } }));
  element.dataset.ready = String(mine);
}

function take(value, mask, another) {
  if (value.again) { // after an undo or redo that failed; where the connection was lost, Gradio reloads the page
    waiting = null;
    timeline.begin(value.undoable, value.redoable);
    put(marks);
  } else if (mask) {
    const given = { mask, number: value.number };
    if (another) put([given]);
    else change([given]);
  } else if (waiting) {
    const next = waiting;
    waiting = null;
    put(next);
  } else if (value.filled && !another && value.version !== version) { // it comes twice, with the end of the run
    change(marks.slice(sent));
    timeline.past[timeline.past.length - 1].fill = true;
  } else {
    if (!another && value.version !== version) timeline.begin(value.undoable, value.redoable);
    put(marks);
  }
}

let sent = 0; // marks that the run fills; those made meanwhile stay for the next one
document.addEventListener('rfr-running', (event) => {
  if (event.detail === running || !element.isConnected) return;
  running = event.detail;
  if (running) sent = marks.length;
  else if (auto && marks.length) setTimeout(run, 400); // what was painted meanwhile
});

viewport.attach(view, find('.painter-stage'), () => { if (place && !cursor.hidden) showCursor(place); });
gestures.attach(view, cancel);
watch('value', () => show(props.value));
show(props.value);
