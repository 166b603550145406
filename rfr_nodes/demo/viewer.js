const find = (selector) => element.querySelector(selector);
const root = find('.viewer');
const stage = find('.viewer-stage');
const under = find('.viewer-under');
const over = find('.viewer-over');
const layer = find('.viewer-layer');
const line = find('.viewer-line');
const mark = find('.viewer-mark');
const slider = find('.viewer-slider');
const range = slider.querySelector('input');
const said = find('.viewer-said');
const near = find('.viewer-near input');

let mode = 'before';
let divider = 50; // per cent, for before/after and comparison
let index = 0; // recurrence from 1, for recurrences and attention
let spot = null; // where attention is asked for, in pixels of the picture
let answer = null; // the layer that was asked for last
let shownId = null;

const value = () => props.value || {};
const view = () => (near.checked && value().near) || value().whole;
const wide = () => mode === 'recurrence' || mode === 'attention';

function put(image, file, alt) {
  if (file && image.getAttribute('src') !== file.url) image.src = file.url;
  image.alt = alt;
}

function tags(left, right) {
  find('.viewer-tag-left').textContent = left;
  find('.viewer-tag-right').textContent = right;
}

function showPair(first, second, firstName, secondName) {
  put(under, second, secondName);
  put(over, first, firstName);
  over.hidden = line.hidden = false;
  over.style.clipPath = 'inset(0 ' + (100 - divider) + '% 0 0)';
  line.style.left = divider + '%';
  tags(firstName, secondName);
  setSlider(firstName + ' | ' + secondName, 0, 100, divider, divider + ' %');
}

function showFrame(frames) {
  index = Math.min(Math.max(1, index), frames.length);
  put(under, frames[index - 1], 'Result after recurrence ' + index);
  over.hidden = line.hidden = true;
  tags('', '');
  setSlider('Recurrence', 1, frames.length, index, index + ' of ' + frames.length);
}

function setSlider(label, low, high, now, text) {
  slider.querySelector('span').textContent = label + (wide() ? ' ' + text : '');
  Object.assign(range, { min: low, max: high, step: 1 });
  range.value = now;
  range.setAttribute('aria-valuetext', text);
}

function toStage(x, y) {
  const box = view().box;
  return [100 * (x + 0.5 - box[0]) / (box[2] - box[0]), 100 * (y + 0.5 - box[1]) / (box[3] - box[1])];
}

function showAttention() {
  const fits = answer && answer.index === index && spot &&
    answer.x === spot.x && answer.y === spot.y;
  layer.hidden = !fits;
  if (fits) {
    const covers = answer.box; // of the picture, and not always within the view
    const seen = view().box;
    const [left, top] = toStage(covers[0] - 0.5, covers[1] - 0.5);
    Object.assign(layer.style, {
      left: left + '%',
      top: top + '%',
      width: 100 * (covers[2] - covers[0]) / (seen[2] - seen[0]) + '%',
      height: 100 * (covers[3] - covers[1]) / (seen[3] - seen[1]) + '%',
    });
    put(layer, answer.layer, 'Where the marked pixel was fetched from');
  }
  mark.hidden = !spot;
  if (spot) {
    const [left, top] = toStage(spot.x, spot.y);
    mark.style.left = left + '%';
    mark.style.top = top + '%';
    mark.hidden = left < 0 || left > 100 || top < 0 || top > 100;
  }
}

function render() {
  const now = value();
  root.dataset.status = now.status || 'idle';
  root.dataset.mode = mode;
  root.dataset.id = now.id || '';
  find('.viewer-compare').hidden = !now.comparable;
  find('.viewer-near').hidden = !now.near;
  layer.hidden = mark.hidden = true;
  if (!now.whole) {
    find('.viewer-empty p').textContent = now.note || 'The result appears here.';
    return;
  }
  const seen = view();
  stage.style.aspectRatio = (seen.box[2] - seen.box[0]) + ' / ' + (seen.box[3] - seen.box[1]);
  element.style.setProperty('--ratio', (seen.box[2] - seen.box[0]) / (seen.box[3] - seen.box[1]));
  stage.tabIndex = mode === 'attention' ? 0 : -1;
  const last = seen.frames[seen.frames.length - 1];
  if (now.status === 'running') {
    put(under, last, 'Result so far');
    over.hidden = line.hidden = true;
    tags('', '');
  } else if (mode === 'before') showPair(seen.before, last, 'Before', 'After');
  else if (mode === 'compare' && now.comparison) {
    showPair((near.checked && now.comparison.near) || now.comparison.whole, last, 'Telea', 'RFR-Net');
  } else showFrame(seen.frames);
  if (mode === 'attention' && now.status === 'finished') showAttention();
}

function tell() {
  const now = value();
  if (now.status === 'running') {
    find('.viewer-progress').value = now.index / now.total;
    said.textContent = now.index
      ? 'Recurrence ' + now.index + ' of ' + now.total + ', ' + Math.round(100 * now.reached) + ' % of the hole reached'
      : 'Waiting for its turn';
  } else if (now.status === 'finished') {
    said.textContent = mode === 'attention'
      ? 'Click a filled place, or move with the arrow keys and press Enter, to see where it was fetched from.'
      : now.note || '';
  } else said.textContent = '';
}

function choose(next) {
  mode = next;
  if (mode === 'compare' && !value().comparison) {
    said.textContent = 'Filling the same hole by Telea’s method';
    trigger('compare');
  }
  render();
  tell();
}

function attend() {
  if (!spot || value().status !== 'finished') return;
  const whole = value().whole.box;
  const inside = spot.x >= whole[0] && spot.y >= whole[1] && spot.x < whole[2] && spot.y < whole[3];
  if (inside) trigger('attend', { index, x: spot.x, y: spot.y });
}

function spotAt(event) {
  const box = stage.getBoundingClientRect();
  const seen = view().box;
  return {
    x: Math.floor(seen[0] + (event.clientX - box.left) / box.width * (seen[2] - seen[0])),
    y: Math.floor(seen[1] + (event.clientY - box.top) / box.height * (seen[3] - seen[1])),
  };
}

function drag(event) {
  const box = stage.getBoundingClientRect();
  divider = Math.round(Math.min(100, Math.max(0, 100 * (event.clientX - box.left) / box.width)));
  render();
}

element.querySelectorAll('.viewer-modes input[type="radio"]').forEach((radio) => {
  radio.addEventListener('change', () => choose(radio.value));
});
near.addEventListener('change', render);
range.addEventListener('input', () => {
  if (wide()) index = Number(range.value);
  else divider = Number(range.value);
  render();
});
range.addEventListener('change', () => { if (mode === 'attention') attend(); });
stage.addEventListener('pointerdown', (event) => {
  if (!value().whole || value().status === 'running') return;
  if (mode === 'attention') {
    spot = spotAt(event);
    render();
    attend();
  } else if (!wide()) {
    stage.setPointerCapture(event.pointerId);
    drag(event);
  }
});
stage.addEventListener('pointermove', (event) => {
  if (event.buttons && !wide() && value().status === 'finished') drag(event);
});

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
stage.addEventListener('keydown', (event) => {
  if (mode !== 'attention' || !value().whole) return;
  const box = view().box;
  if (event.key === 'Enter') attend();
  else if (ARROWS[event.key]) {
    const step = Math.max(1, Math.round((box[2] - box[0]) / (event.shiftKey ? 20 : 100)));
    const from = spot || { x: Math.round((box[0] + box[2]) / 2), y: Math.round((box[1] + box[3]) / 2) };
    spot = {
      x: Math.min(box[2] - 1, Math.max(box[0], from.x + ARROWS[event.key][0] * step)),
      y: Math.min(box[3] - 1, Math.max(box[1], from.y + ARROWS[event.key][1] * step)),
    };
    render();
  } else return;
  event.preventDefault();
});

watch('value', () => {
  const now = value();
  if (now.id !== shownId) {
    shownId = now.id;
    spot = answer = null;
    index = 0;
  }
  if (now.status === 'running' || index === 0) index = now.whole ? now.whole.frames.length : 0;
  if (now.attention) answer = now.attention;
  if (mode === 'compare' && now.status === 'finished' && !now.comparison) trigger('compare');
  render();
  tell();
  if (now.status === 'running' && now.index === 0) root.scrollIntoView({ behavior: 'smooth', block: 'nearest' });
});
render();
