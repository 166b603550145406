// A few lines of text on a node: figures, notes, or what went wrong.

const STYLE = `
  :host { display: block; width: 100%; height: 100%; overflow: auto; }
  :host([hidden]) { display: none; }
  pre {
    margin: 0; padding: 4px 6px; white-space: pre-wrap; overflow-wrap: anywhere; user-select: text;
    font: 11px/1.45 ui-monospace, monospace; color: var(--input-text, #ddd);
    background: var(--comfy-input-bg, #222); border-radius: 4px;
  }
  pre.error { color: var(--error-text, #ff6b6b); border-left: 3px solid currentColor; }
`;
const LINE = 44; // characters that surely fit beside each other
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
  }

  get isEmpty() {
    return !this.pre.textContent;
  }

  // In CSS pixels, with the margins that the host leaves around it.
  get height() {
    const lines = this.pre.textContent.split("\n").map((line) => Math.max(1, Math.ceil(line.length / LINE)));
    return 2 * MARGIN + 8 + 16 * lines.reduce((sum, count) => sum + count, 0);
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
  }

  close() {}
}
