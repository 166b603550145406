// The viewer: the result, before and after, the recurrences, the attention, and the other method.
const find = (selector) => element.querySelector(selector);
const root = find('.viewer');
const view = find('.viewer-view');
const stage = find('.viewer-stage');
const under = find('.viewer-under');
const over = find('.viewer-over');
const layer = find('.viewer-layer');
const divider = find('.viewer-line');
const mark = find('.viewer-mark');
const slider = find('.viewer-slider');
const range = slider.querySelector('input');
const said = find('.viewer-said');
const near = find('.viewer-near input');

let mode = 'result';
let split = 50; // where the divider is, in per cent of the view
let index = 0; // recurrence from 1, for recurrences and attention
let held = false; // whether the pointer is held on the result, to see the photo before
let shownId = null;
let wasRunning = false;

const value = () => props.value || {};
const seen = () => (near.checked && value().near) || value().whole;
const wide = () => mode === 'recurrence' || mode === 'attention';
const finished = () => value().status === 'finished';
const last = () => seen().frames[seen().frames.length - 1];

function put(image, file, alt) {
  if (file && image.getAttribute('src') !== file.url) image.src = file.url;
  image.alt = alt;
}

function tags(left, right) {
  find('.viewer-tag-left').textContent = left;
  find('.viewer-tag-right').textContent = right;
}

function clip() {
  const { left, width } = viewport.place;
  const share = 100 * (split / 100 * view.clientWidth - left) / width;
  over.style.clipPath = 'inset(0 ' + Math.min(100, Math.max(0, 100 - share)) + '% 0 0)';
  divider.style.left = split + '%';
}

function showPair(first, firstName, secondName) {
  put(under, last(), secondName);
  put(over, first, firstName);
  over.hidden = divider.hidden = false;
  clip();
  tags(firstName, secondName);
  setSlider(word('divider'), 0, 100, split, split + ' %');
}

function showOne(file, alt, tag = '') {
  put(under, file, alt);
  tags(tag, '');
}

function showFrame() {
  const { frames } = seen();
  index = Math.min(Math.max(1, index), frames.length);
  showOne(frames[index - 1], word('recurrence-alt', { i: index }));
  setSlider(word('recurrence'), 1, frames.length, index, word('of', { i: index, n: frames.length }));
}

function setSlider(label, low, high, now, text) {
  slider.querySelector('span').textContent = label + ' ' + text;
  Object.assign(range, { min: low, max: high, step: 1 });
  range.value = now;
  range.setAttribute('aria-valuetext', text);
}

function render() {
  const now = value();
  Object.assign(root.dataset, { status: now.status || 'idle', mode, id: now.id || '' });
  find('.viewer-compare').hidden = !now.comparable;
  find('.viewer-near').hidden = !now.near;
  find('[data-action="copy"]').hidden = !canCopy;
  over.hidden = divider.hidden = layer.hidden = mark.hidden = true;
  tags('', '');
  if (!now.whole) return;
  const { box } = seen();
  viewport.own = near.checked && now.near ? WHOLE : null;
  viewport.show(box[2] - box[0], box[3] - box[1]);
  const asking = mode === 'attention' && finished();
  stage.tabIndex = asking ? 0 : -1;
  if (asking) {
    stage.setAttribute('role', 'application');
    stage.setAttribute('aria-label', word('attention-stage'));
  } else ['role', 'aria-label'].forEach((name) => stage.removeAttribute(name));
  if (!finished()) showOne(last(), word(now.status === 'photo' ? 'photo-alt' : 'result-alt'));
  else if (mode === 'result') {
    showOne(held ? seen().before : last(), word(held ? 'before' : 'result-alt'), held ? word('before') : '');
  } else if (mode === 'before') showPair(seen().before, word('before'), word('after'));
  else if (mode === 'compare' && now.comparison) {
    showPair((near.checked && now.comparison.near) || now.comparison.whole, 'Telea', 'RFR-Net');
  } else showFrame();
  if (asking) attention.show(layer, mark, box, index);
}

// What the status line says; screen readers say it when it changes.
function tell() {
  const now = value();
  said.textContent = sentence(now);
  if (now.status === 'running') find('.viewer-progress').value = now.share || 0;
}

function sentence(now) {
  if (now.status === 'running') {
    if (now.place) return word('waiting-place', { n: now.place });
    if (!now.index) return word('starting');
    if (now.index === now.total) return word('finishing');
    return word('running', { i: now.index + 1, n: now.total });
  }
  if (now.status === 'finished' && mode === 'compare' && !now.comparison) return word('telea');
  if (now.status === 'finished' && mode === 'attention') {
    const { answer } = attention;
    if (answer && answer.index === index && answer.from !== index) {
      return word('attention-from', { i: index, n: answer.from });
    }
    return word('attention-hint');
  }
  if (now.note) return word(now.note);
  return now.status === 'finished' && wasRunning ? word('done') : '';
}

function choose(next) {
  mode = next;
  if (mode === 'compare' && finished() && !value().comparison) trigger('compare');
  render();
  tell();
}

function attend() {
  if (attention.spot && finished()) trigger('attend', { index, ...attention.spot });
}

function drag(event) {
  const box = view.getBoundingClientRect();
  split = Math.round(Math.min(100, Math.max(0, 100 * (event.clientX - box.left) / box.width)));
  render();
}

function hold(on) {
  if (held === on) return;
  held = on;
  render();
}

element.querySelectorAll('.viewer-modes input').forEach((radio) => {
  radio.addEventListener('change', () => choose(radio.value));
});
near.addEventListener('change', render);
find('[data-action="full"]').addEventListener('click', () => {
  if (document.fullscreenElement) document.exitFullscreen();
  else root.requestFullscreen();
});
find('[data-action="copy"]').addEventListener('click', () => {
  if (!value().whole) return;
  const { whole, id } = value();
  copy(whole.frames[whole.frames.length - 1].url, id).then(
    (full) => { said.textContent = word(full ? 'copied' : 'copied-preview'); },
    () => { said.textContent = word('not-copied'); },
  );
});
range.addEventListener('input', () => {
  if (wide()) index = Number(range.value);
  else split = Number(range.value);
  render();
  tell();
});
range.addEventListener('change', () => { if (mode === 'attention') attend(); });
view.addEventListener('pointerdown', (event) => {
  if (!finished() || event.button !== 0 || !event.isPrimary) return;
  if (mode === 'attention') {
    attention.at(event, stage, seen().box);
    render();
    attend();
  } else if (mode === 'result') hold(true);
  else if (!wide()) {
    view.setPointerCapture(event.pointerId);
    drag(event);
  }
});
view.addEventListener('pointermove', (event) => {
  if (event.buttons && finished() && (mode === 'before' || mode === 'compare')) drag(event);
});
['pointerup', 'pointercancel', 'pointerleave'].forEach((name) => view.addEventListener(name, () => hold(false)));

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
stage.addEventListener('keydown', (event) => {
  if (mode !== 'attention' || !finished()) return;
  if (event.key === 'Enter') attend();
  else if (ARROWS[event.key]) {
    attention.move(ARROWS[event.key], event.shiftKey, seen().box);
    render();
    said.textContent = attention.position(seen().box);
  } else return;
  event.preventDefault();
});

// After a run the focus that was on a button which can no longer be pressed goes to Remove.
function settle() {
  const lost = () => document.activeElement === document.body || document.activeElement?.disabled;
  const focus = () => lost() && document.querySelector('#remove:not([disabled])')?.focus({ preventScroll: true });
  [300, 1500, 4000].forEach((wait) => setTimeout(focus, wait)); // the buttons change a little later, by the server's word
}

function update() {
  const now = value();
  const running = now.status === 'running';
  if (now.id !== shownId) {
    shownId = now.id;
    attention.clear();
    index = 0;
  }
  if (running || index === 0) index = now.whole ? now.whole.frames.length : 0;
  if (now.attention) attention.answer = now.attention;
  if (mode === 'compare' && finished() && !now.comparison) trigger('compare');
  if (wasRunning && !running) settle();
  render();
  tell();
  wasRunning = running;
  document.dispatchEvent(new CustomEvent('rfr-running', { detail: running }));
}

viewport.attach(view, stage, () => { if (!divider.hidden) clip(); });
gestures.attach(view, () => hold(false));
watch('value', update);
update();
