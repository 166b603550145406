// The film strip: the live picture while the node runs; then scrub through the recurrences, wipe between before and
// after, ask a filled pixel for its sources.

import { drawSources, drawWipe, openOutline, shareFilled, sourcesOf } from "./drawing.js";
import { StripFiles } from "./strip_files.js";

const STYLE = `
  :host { display: block; width: 100%; height: 100%; min-height: 300px; }
  :host([hidden]) { display: none; }
  * { box-sizing: border-box; }
  .view {
    display: flex; flex-direction: column; gap: 4px; height: 100%; padding: 2px 0;
    font: 12px/1.3 system-ui, sans-serif; color: var(--input-text, #ddd);
  }
  .stage { flex: 1 1 0; min-height: 80px; display: flex; align-items: center; justify-content: center; }
  canvas { max-width: 100%; max-height: 100%; border-radius: 4px; cursor: crosshair; touch-action: none; }
  canvas.wiping { cursor: ew-resize; }
  .row { display: flex; align-items: center; gap: 6px; flex: none; }
  input[type=range] { flex: 1 1 0; min-width: 0; margin: 0; accent-color: #ffb81a; }
  .frames { display: flex; gap: 3px; overflow-x: auto; flex: none; scrollbar-width: thin; }
  .frames button { padding: 0; border: 2px solid transparent; border-radius: 4px; background: none; cursor: pointer; flex: none; }
  .frames button[aria-pressed=true] { border-color: #ffb81a; }
  .frames img { display: block; height: 32px; border-radius: 2px; }
  .tool {
    padding: 2px 7px; border: 1px solid var(--border-color, #555); border-radius: 4px; font: inherit; cursor: pointer;
    background: var(--comfy-input-bg, #222); color: inherit;
  }
  .tool[aria-pressed=true] { border-color: #ffb81a; }
  :focus-visible { outline: 2px solid #ffb81a; outline-offset: 1px; }
  .label { flex: 1 1 0; min-width: 0; }
  [hidden], .live :is(.frames, .row.scrub, .tool), .gone :is(.stage, .frames, .row.scrub, .tool),
  .unfilled :is(.frames, .row.scrub, .outline, .compare) { display: none !important; }
`;

const HTML = `
  <div class="view">
    <div class="stage"><canvas aria-label="Picture after the chosen recurrence; click the fill for its sources"></canvas></div>
    <div class="frames" role="group" aria-label="Recurrences"></div>
    <div class="row scrub"><input type="range" min="0" step="1" aria-label="Recurrence"></div>
    <div class="row">
      <span class="label" aria-live="polite"></span>
      <button type="button" class="tool previous" title="Previous picture of the batch">‹</button>
      <button type="button" class="tool next" title="Next picture of the batch">›</button>
      <button type="button" class="tool outline" title="Draw the border of what is still open">Border</button>
      <button type="button" class="tool compare" title="Wipe between the picture given and this one">Wipe</button>
    </div>
  </div>
`;

const SMALL = 512; // pixels; pictures whose longer side is shorter are enlarged
const GONE = "These pictures are gone from the host's temp folder. Run the graph again to bring them back.";
const OWN_KEYS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown", " ", "Enter"];

export class StripView {
  constructor() {
    this.element = document.createElement("div");
    this.root = this.element.attachShadow({ mode: "open" });
    const style = document.createElement("style");
    style.textContent = STYLE;
    const template = document.createElement("template");
    template.innerHTML = HTML;
    this.root.append(style, template.content);
    this.view = this.find(".view");
    this.canvas = this.find("canvas");
    this.slider = this.find("input");
    this.state = null;
    this.live = false;
    this.listen();
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  get isEmpty() {
    return !this.state && !this.live;
  }

  // In CSS pixels; less leaves the picture too small to click into.
  get height() {
    return 300;
  }

  get strip() {
    return this.state.strips[this.state.picture];
  }

  get count() {
    return this.strip.recurrences.length;
  }

  readOutput(output) {
    const strips = output.rfr_strip;
    if (!strips) return undefined;
    if (!strips.length) return null;
    const { outline = true, compare = false, wipe = 0.5 } = this.state ?? {};
    this.endLive();
    return { strips, picture: 0, frame: strips[0].recurrences.length, outline, compare, wipe };
  }

  // state: what readOutput returned, null for nothing to show; it is changed in place as the user goes through it.
  show(state) {
    this.state = state;
    this.element.hidden = this.isEmpty;
    this.element.inert = false;
    this.asked = null;
    if (state) this.showPicture();
  }

  // Show a picture (a Blob) that came while the node runs.
  async showLive(blob) {
    if (!this.live) {
      this.live = true;
      this.element.hidden = false;
      this.view.classList.add("live");
      this.say("filling …");
      this.resized();
    }
    const picture = await createImageBitmap(blob);
    if (this.live) this.fillCanvas(picture, picture.width, picture.height);
  }

  // Go back to what was shown before the run.
  endLive() {
    if (!this.live) return;
    this.live = false;
    this.view.classList.remove("live");
    this.element.hidden = this.isEmpty;
    if (this.state) this.draw();
    this.resized();
  }

  // Its element may stay in the page for a moment.
  close() {
    this.state = null;
    this.files = null;
    this.element.inert = true;
  }

  listen() {
    this.slider.addEventListener("input", () => this.go(Number(this.slider.value)));
    this.find(".previous").addEventListener("click", () => this.turn(-1));
    this.find(".next").addEventListener("click", () => this.turn(1));
    for (const name of ["outline", "compare"]) {
      this.find(`.${name}`).addEventListener("click", () => {
        this.state[name] = !this.state[name];
        this.asked = null;
        this.update();
      });
    }
    this.canvas.addEventListener("pointerdown", (event) => this.press(event));
    this.canvas.addEventListener("pointermove", (event) => {
      if (this.canvas.hasPointerCapture(event.pointerId)) this.wipeTo(event);
    });
    // The graph must not take what is meant for the strip: dragging the node, or the slider's keys.
    for (const name of ["pointerdown", "mousedown", "dblclick"]) {
      this.element.addEventListener(name, (event) => event.stopPropagation());
    }
    this.element.addEventListener("keydown", (event) => {
      const shortcut = event.ctrlKey || event.metaKey || event.altKey;
      if (!shortcut && OWN_KEYS.includes(event.key)) event.stopPropagation();
    });
  }

  turn(step) {
    const count = this.state.strips.length;
    this.state.picture = (this.state.picture + step + count) % count;
    this.state.frame = this.count;
    this.asked = null;
    this.showPicture();
    this.saved();
  }

  go(frame) {
    this.state.frame = frame;
    this.update();
  }

  showPicture() {
    this.files = new StripFiles(this.strip);
    this.view.classList.remove("gone");
    this.view.classList.toggle("unfilled", !this.count);
    this.state.frame = Math.min(this.state.frame, this.count);
    this.slider.max = this.count;
    const many = this.state.strips.length > 1;
    this.find(".previous").hidden = !many;
    this.find(".next").hidden = !many;
    this.showFrames();
    this.draw();
  }

  showFrames() {
    const buttons = [];
    for (let index = 0; index <= this.count; index++) {
      const button = document.createElement("button");
      button.type = "button";
      button.title = index ? `Recurrence ${this.strip.recurrences[index - 1]}` : "Before";
      const image = document.createElement("img");
      image.src = this.files.frameURL(index);
      image.alt = button.title;
      image.draggable = false;
      image.addEventListener("error", () => (button.hidden = true));
      button.append(image);
      button.addEventListener("click", () => this.go(index));
      buttons.push(button);
    }
    this.find(".frames").replaceChildren(...buttons);
  }

  update() {
    this.draw();
    this.saved();
  }

  async draw() {
    const { files, state } = this;
    try {
      const wanted = [files.frame(0), files.frame(state.frame), files.reached(), this.sources()];
      const [before, frame, reached, found] = await Promise.all(wanted);
      if (this.files !== files || this.state !== state || this.live) return;
      this.paint(before, frame, reached, found);
    } catch {
      if (this.files !== files || this.live) return;
      this.view.classList.add("gone");
      this.say(GONE);
    }
  }

  // The sources of the pixel that was clicked; null where none was, or none were found.
  async sources() {
    const { asked, files } = this;
    // What was run last has the say: a large hole is run as a whole first, then in finer tiles.
    for (let frame = asked ? this.state.frame : 0; frame > 0; frame--) {
      const found = sourcesOf(await files.attention(frame), ...asked);
      if (found) return found;
    }
    return null;
  }

  paint(before, frame, reached, found) {
    const { state, canvas } = this;
    const { naturalWidth, naturalHeight } = frame;
    const context = this.fillCanvas(frame, naturalWidth, naturalHeight);
    const whole = [0, 0, canvas.width, canvas.height];
    const thickness = Math.max(1, Math.round(naturalWidth / 300));
    if (state.outline) context.drawImage(openOutline(reached, state.frame, thickness), ...whole);
    if (state.compare) drawWipe(context, before, state.wipe);
    else if (found) drawSources(context, found, canvas.width / this.strip.width);
    this.showControls(reached, found);
  }

  // Draw a picture as the canvas's whole; the canvas's context.
  fillCanvas(picture, width, height) {
    const { canvas } = this;
    const enlarged = Math.max(1, Math.ceil(SMALL / Math.max(width, height)));
    canvas.width = width * enlarged;
    canvas.height = height * enlarged;
    const context = canvas.getContext("2d");
    context.drawImage(picture, 0, 0, canvas.width, canvas.height);
    return context;
  }

  showControls(reached, found) {
    const { state, strip } = this;
    this.slider.value = state.frame;
    this.find(".outline").setAttribute("aria-pressed", state.outline);
    this.find(".compare").setAttribute("aria-pressed", state.compare);
    this.canvas.classList.toggle("wiping", state.compare);
    const frames = this.find(".frames");
    frames.childNodes.forEach((button, index) => button.setAttribute("aria-pressed", index === state.frame));
    const { offsetLeft, offsetWidth } = frames.childNodes[state.frame];
    frames.scrollLeft = offsetLeft - frames.offsetLeft - (frames.clientWidth - offsetWidth) / 2;
    const { item = 0, items = 1 } = strip;
    const batch = items > 1 ? `picture ${item + 1} of ${items}: ` : "";
    this.say(batch + (this.asked ? this.answer(found) : this.place(reached)));
  }

  place(reached) {
    const { frame } = this.state;
    const { recurrences } = this.strip;
    if (!recurrences.length) return "nothing to fill";
    const filled = Math.round(100 * shareFilled(reached, frame));
    return frame ? `${recurrences[frame - 1]} of ${recurrences.at(-1)}, ${filled} % filled` : "before";
  }

  answer(found) {
    if (!this.strip.attention) return "This model has no attention to show.";
    if (!found) return "Click inside the fill to see its sources.";
    const share = found.sources.reduce((sum, source) => sum + source.share, 0);
    return `top ${found.sources.length} sources: ${Math.round(100 * share)} %`;
  }

  say(text) {
    const label = this.find(".label");
    label.textContent = text;
    label.title = text;
  }

  press(event) {
    if (event.button !== 0 || !this.state || !this.count || this.live) return;
    event.preventDefault();
    if (this.state.compare) {
      this.canvas.setPointerCapture(event.pointerId);
      this.wipeTo(event);
    } else this.ask(event);
  }

  // Where an event is in the picture, 0 to 1 from its left and its top; the page may be zoomed.
  pointOf(event) {
    const box = this.canvas.getBoundingClientRect();
    const within = (value) => Math.min(0.999999, Math.max(0, value));
    return [within((event.clientX - box.left) / box.width), within((event.clientY - box.top) / box.height)];
  }

  wipeTo(event) {
    [this.state.wipe] = this.pointOf(event);
    this.draw();
    this.saved();
  }

  ask(event) {
    const [x, y] = this.pointOf(event);
    this.asked = [Math.floor(x * this.strip.width), Math.floor(y * this.strip.height)];
    this.state.frame = Math.max(1, this.state.frame);
    this.draw();
  }
}
