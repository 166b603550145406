// A few lines of text on a node: figures, notes, or what went wrong.

const STYLE = `
  :host { display: block; width: 100%; height: 100%; overflow: hidden; }
  :host([hidden]) { display: none; }
  pre {
    margin: 0; padding: 4px 6px; white-space: pre-wrap; overflow-wrap: anywhere; user-select: text;
    font: 11px/1.45 ui-monospace, monospace; color: var(--input-text, #ddd);
    background: var(--comfy-input-bg, #222); border-radius: 4px;
  }
  pre.error { color: var(--error-text, #ff6b6b); border-left: 3px solid currentColor; }
`;
const LINE = 30; // characters that surely fit beside each other
const MARGIN = 10; // CSS pixels

export class TextView {
  constructor() {
    this.element = document.createElement("div");
    const root = this.element.attachShadow({ mode: "open" });
    const style = document.createElement("style");
    style.textContent = STYLE;
    this.pre = document.createElement("pre");
    root.append(style, this.pre);
    this.text = "";
    this.error = "";
    this.measured = 0; // the height of the lines as they were broken, 0 while that is not known
    new ResizeObserver(() => this.measure()).observe(this.pre);
  }

  get isEmpty() {
    return !this.pre.textContent;
  }

  // In CSS pixels, with the margins that the host leaves around it.
  get height() {
    return 2 * MARGIN + (this.measured || this.estimate());
  }

  estimate() {
    const lines = this.pre.textContent.split("\n").map((line) => Math.max(1, Math.ceil(line.length / LINE)));
    return 8 + 16 * lines.reduce((sum, count) => sum + count, 0);
  }

  measure() {
    const height = this.pre.offsetHeight; // not scaled with the graph
    if (!height || height === this.measured) return;
    this.measured = height;
    this.resized();
  }

  get maxHeight() {
    return this.height;
  }

  readOutput(output) {
    return output.rfr_text?.join("\n");
  }

  show(text) {
    this.text = text ?? "";
    this.update();
  }

  // An error in place of the text, which is not saved; "" takes it away.
  warn(error) {
    if (error === this.error) return;
    this.error = error;
    this.update();
    this.resized();
  }

  update() {
    this.pre.textContent = this.error || this.text;
    this.pre.classList.toggle("error", Boolean(this.error));
    this.pre.setAttribute("role", this.error ? "alert" : "note");
    this.element.hidden = this.isEmpty;
    this.measured = this.pre.offsetHeight; // 0 where it is not in view
  }

  close() {}
}
