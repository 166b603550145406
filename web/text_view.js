// A few lines of text on a node: figures, or a warning.

const STYLE = `
  :host { display: block; width: 100%; height: 100%; overflow: auto; }
  :host([hidden]) { display: none; }
  pre {
    margin: 0; padding: 4px 6px; white-space: pre-wrap; overflow-wrap: anywhere; user-select: text;
    font: 11px/1.45 ui-monospace, monospace; color: var(--input-text, #ddd);
    background: var(--comfy-input-bg, #222); border-radius: 4px;
  }
`;

export class TextView {
  constructor() {
    this.element = document.createElement("div");
    const root = this.element.attachShadow({ mode: "open" });
    const style = document.createElement("style");
    style.textContent = STYLE;
    this.text = document.createElement("pre");
    root.append(style, this.text);
  }

  get isEmpty() {
    return !this.text.textContent;
  }

  // In CSS pixels; each line may take two.
  get height() {
    return 10 + 32 * this.text.textContent.split("\n").length;
  }

  readOutput(output) {
    return output.rfr_text?.join("\n");
  }

  show(text) {
    this.text.textContent = text ?? "";
    this.element.hidden = this.isEmpty;
  }

  close() {}
}
