// Puts the film strip and the texts of the RFR nodes onto them, in LiteGraph and in Vue nodes alike.

import { app } from "../../scripts/app.js";
import { api } from "../../scripts/api.js";
import { StripView } from "./strip_view.js";
import { TextView } from "./text_view.js";

const STRIP_NODES = ["RFRInpaint", "RFRRecurrences"];
const TEXT_NODES = ["RFRInpaint", "RFRCompare"];
const STRIP_WIDTH = 340; // CSS pixels
const LIVE_PREVIEW = "$$canvas-image-preview"; // the host's widget for pictures that come while a node runs

const heightBefore = new WeakMap(); // node -> its height when it began to run

// A view shows what lies in node.properties, which is saved, copied and undone with the node.
function addView(node, property, view) {
  const widget = node.addDOMWidget(property, property, view.element, {
    serialize: false,
    hideOnZoom: false,
    getMinHeight: () => (view.isEmpty ? 0 : view.height),
  });
  widget.serialize = false; // a saved graph lists values by place: a view among them would give its own to another
  const show = () => {
    view.show(node.properties[property] ?? null);
    widget.hidden = view.isEmpty;
    growToFit(node);
  };
  chain(node, "onExecuted", (output) => {
    const news = view.readOutput(output ?? {});
    if (news === undefined) return;
    node.properties[property] = news;
    show();
  });
  chain(node, "onConfigure", show);
  chain(node, "onRemoved", () => view.close());
  show();
}

// The strip shows more than the last live picture, which some front ends would leave below it.
function dropLivePreview(node) {
  const inRoot = node.graph === (app.rootGraph ?? app.graph);
  const place = inRoot ? String(node.id) : `${node.graph?.id}:${node.id}`;
  // Vue nodes take it from a store that has no public name; without it the picture stays until the next run.
  app.extensionManager?._p?._s?.get("nodeOutput")?.revokePreviewsByLocatorId?.(place);
  const index = node.widgets?.findIndex(({ name }) => name === LIVE_PREVIEW) ?? -1;
  if (index < 0) return;
  node.imgs = undefined;
  node.widgets[index].onRemove?.();
  node.widgets.splice(index, 1);
  if (heightBefore.has(node)) node.setSize([node.size[0], heightBefore.get(node)]);
}

// Graphs saved before a choice was added hold nothing, or a view's empty value, in its place.
function chooseWhatIsMissing(node) {
  for (const widget of node.widgets ?? []) {
    const choices = widget.options?.values;
    if (Array.isArray(choices) && !widget.value) widget.value = choices[0];
  }
}

function growToFit(node) {
  const [width, height] = node.computeSize();
  if (node.size[0] < width || node.size[1] < height) {
    node.setSize([Math.max(node.size[0], width), Math.max(node.size[1], height)]);
  }
  app.graph?.setDirtyCanvas(true, true);
}

function chain(node, name, action) {
  const before = node[name];
  node[name] = function (...values) {
    const result = before?.apply(this, values);
    action(...values);
    return result;
  };
}

app.registerExtension({
  name: "rfr.views",
  setup() {
    api.addEventListener("executing", ({ detail }) => {
      const node = detail && app.graph?.getNodeById(detail);
      if (node && STRIP_NODES.includes(node.comfyClass)) heightBefore.set(node, node.size[1]);
    });
  },
  nodeCreated(node) {
    if (TEXT_NODES.includes(node.comfyClass)) addView(node, "rfr_text", new TextView());
    if (STRIP_NODES.includes(node.comfyClass)) {
      chain(node, "onConfigure", () => chooseWhatIsMissing(node));
      chain(node, "onExecuted", () => dropLivePreview(node));
      addView(node, "rfr_strip", new StripView(() => app.graph?.setDirtyCanvas(true, false)));
      node.setSize([Math.max(node.size[0], STRIP_WIDTH), node.size[1]]);
    }
  },
});
