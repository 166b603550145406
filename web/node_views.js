// Views on nodes: DOM widgets that show what lies in node.properties, which is saved, copied and undone with the node.

import { app } from "../../scripts/app.js";

const CHECK_EVERY = 100; // milliseconds; a new node's element must come into the page
const CHECKS = 100;

const viewsOf = new WeakMap(); // node -> {property: view}
const elements = new Map(); // where a view was seen last: "subgraph:node:property" -> element

// The view of a node's property; undefined where it has none.
export function shownBy(node, property) {
  return viewsOf.get(node)?.[property];
}

// A view has: element, isEmpty, height and maxHeight in CSS pixels, readOutput(output), show(value), close(); it calls
// resized() when isEmpty or a height has changed and saved() when its value has.
export function addView(node, property, view) {
  const widget = node.addDOMWidget(property, property, view.element, {
    serialize: false,
    hideOnZoom: false,
    getMinHeight: () => (view.isEmpty ? 0 : view.height),
    getMaxHeight: () => (view.isEmpty ? 0 : view.maxHeight),
  });
  widget.serialize = false; // a saved graph lists values by place: a view among them would give its own to another
  // Vue nodes share what space is left among widgets with a layout of their own.
  if (view.maxHeight !== undefined) widget.computeLayoutSize = undefined;
  if (view.maxHeight !== undefined) widget.computeSize = (width) => [width ?? 0, view.isEmpty ? -4 : view.height];
  viewsOf.set(node, { ...viewsOf.get(node), [property]: view });
  let shown = 0;
  let grown = 0; // by how much the node has grown for this view
  view.resized = () => {
    widget.hidden = view.isEmpty;
    const needed = view.isEmpty ? 0 : view.height;
    const [, before] = node.size;
    // A node that came from a saved graph has its height already.
    fit(node, needed ? Math.max(0, Math.min(grown, shown - needed)) : shown);
    grown = Math.max(0, grown + node.size[1] - before);
    shown = needed;
  };
  view.saved = redraw;
  const bring = bringingIntoPage(node, property, view.element);
  const show = () => {
    view.show(node.properties[property] ?? null);
    view.resized();
    if (!view.isEmpty) bring(); // an empty view is not in the page, however long ago its node came
  };
  chain(node, "onExecuted", (output) => {
    const news = view.readOutput(output ?? {});
    if (news === undefined) return;
    // As a step of its own, so that undoing what comes after the run does not take its result away.
    app.canvas?.emitBeforeChange?.();
    node.properties[property] = news;
    app.canvas?.emitAfterChange?.();
    show();
  });
  chain(node, "onConfigure", show);
  chain(node, "onAdded", bring);
  chain(node, "onRemoved", () => view.close());
  show();
}

// Undo puts a new node in the place of the one with its id; the front end may keep its component, with the old element
// in it. Returns what sees to it, for some seconds from each call on, that the node's own element is in the page.
function bringingIntoPage(node, property, element) {
  let left = 0;
  let timer = null;
  const check = () => {
    // A node that was cleared away keeps its graph: two with one number must not fight for the place.
    if (node.graph?.getNodeById(node.id) !== node || !left--) {
      clearInterval(timer);
      timer = null;
      return;
    }
    const subgraph = node.graph.isRootGraph === false ? node.graph.id : ""; // the root may get another id
    const place = `${subgraph}:${node.id}:${property}`;
    const before = elements.get(place);
    if (before !== element && before?.isConnected && !element.isConnected) before.replaceWith(element);
    if (element.isConnected) elements.set(place, element);
  };
  return () => {
    left = CHECKS;
    timer ??= setInterval(check, CHECK_EVERY);
  };
}

// Grow the node to what its widgets need, or give back so many pixels of height.
function fit(node, freed) {
  const [width, height] = node.computeSize();
  const size = [Math.max(node.size[0], width), Math.max(node.size[1] - freed, height)];
  if (size[0] !== node.size[0] || size[1] !== node.size[1]) node.setSize(size);
  redraw();
}

function redraw() {
  app.canvas?.setDirty(true, true);
}

function chain(node, name, action) {
  const before = node[name];
  node[name] = function (...values) {
    const result = before?.apply(this, values);
    action(...values);
    return result;
  };
}
