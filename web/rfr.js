// Puts the film strip and the texts of the RFR nodes onto them, in LiteGraph and in Vue nodes alike.

import { app } from "../../scripts/app.js";
import { api } from "../../scripts/api.js";
import { addView, shownBy } from "./node_views.js";
import { StripView } from "./strip_view.js";
import { TextView } from "./text_view.js";

const STRIP_NODES = ["RFRInpaint", "RFRRecurrences"];
const STRIP_WIDTH = 340; // CSS pixels
const LINK_COLOURS = { RFR_MODEL: "#c792ea", RFR_STEPS: "#ffb81a" };
const OLD_VALUES = { detail: { on: "texture" } }; // of graphs saved by earlier versions
const ENDS = ["execution_success", "execution_error", "execution_interrupted"];

const running = new Set(); // strips that show a live picture

// The node that an event of the host names: its id, behind those of the subgraphs around it, as in "6:4".
function nodeAt(path) {
  let graph = app.rootGraph ?? app.graph;
  let node;
  for (const id of String(path ?? "").split(":")) {
    node = graph?.getNodeById(id) ?? graph?.getNodeById(Number(id));
    graph = node?.subgraph;
  }
  return node;
}

// The live picture is shown in the strip, and by the host where the strip is not in view, as on a subgraph's node.
function takeLivePicture(event) {
  const node = nodeAt(event.detail.displayNodeId ?? event.detail.nodeId);
  const strip = shownBy(node, "rfr_strip");
  if (!strip || node.graph?.id !== app.canvas.graph?.id) return;
  event.stopImmediatePropagation();
  running.add(strip);
  strip.showLive(event.detail.blob);
}

function endLivePictures() {
  for (const strip of running) strip.endLive();
  running.clear();
}

function showError({ detail }) {
  shownBy(nodeAt(detail.node_id), "rfr_text")?.warn(detail.exception_message?.trim() ?? "");
}

function hideErrors(graph = app.rootGraph ?? app.graph) {
  for (const node of graph?.nodes ?? []) {
    shownBy(node, "rfr_text")?.warn("");
    if (node.subgraph) hideErrors(node.subgraph);
  }
}

// Graphs saved before an input was added hold nothing, or a view's empty value, in its place.
function keepDefaults(node) {
  const defaults = new Map((node.widgets ?? []).map((widget) => [widget, widget.value]));
  const { onConfigure } = node;
  node.onConfigure = function (...values) {
    const result = onConfigure?.apply(this, values);
    for (const [widget, before] of defaults) {
      const value = OLD_VALUES[widget.name]?.[widget.value] ?? widget.value;
      widget.value = value === "" || value == null ? before : value;
    }
    return result;
  };
}

// The host empties the colours of types that its palette does not name, at the start and whenever the palette changes.
function colourLinks() {
  const sheet = new CSSStyleSheet();
  for (const [type, colour] of Object.entries(LINK_COLOURS)) {
    sheet.insertRule(`:root { --color-datatype-${type}: ${colour}; }`);
    for (const colours of [app.canvas.default_connection_color_byType, app.canvas.constructor.link_type_colors])
      keepValue(colours, type, colour);
  }
  document.adoptedStyleSheets.push(sheet);
}

// Let a property have a value of its own wherever it is given an empty one.
function keepValue(target, name, own) {
  let value = own;
  Object.defineProperty(target, name, {
    configurable: true,
    enumerable: true,
    get: () => value,
    set: (given) => (value = given || own),
  });
}

// Extensions are loaded before the host adds its own listener, which would show the picture below the strip and leave it
// there: this one comes first.
api.addEventListener("b_preview_with_metadata", takeLivePicture);

app.registerExtension({
  name: "rfr.views",
  setup() {
    colourLinks();
    api.addEventListener("execution_start", () => hideErrors());
    api.addEventListener("execution_error", showError);
    for (const name of ENDS) api.addEventListener(name, endLivePictures);
  },
  nodeCreated(node) {
    if (!node.comfyClass?.startsWith("RFR")) return;
    if (node.comfyClass === "RFRInpaint") keepDefaults(node);
    addView(node, "rfr_text", new TextView());
    if (STRIP_NODES.includes(node.comfyClass)) {
      addView(node, "rfr_strip", new StripView());
      node.onDrawBackground = () => {}; // in LiteGraph it adds the host's own pictures, which the strip replaces
      node.setSize([Math.max(node.size[0], STRIP_WIDTH), node.size[1]]);
    }
  },
});
