// What was done, so that it can be undone and redone: changes of the marks, and fills, which the server takes back.
const timeline = {
  past: [], // {fill, before, after}: whether it was a fill, and the marks before and after it
  future: [],

  // The fills that the server can undo and redo, when nothing else is known.
  begin(undoable, redoable) {
    const fills = (count) => Array.from({ length: count }, () => ({ fill: true, before: [], after: [] }));
    this.past = fills(undoable);
    this.future = fills(redoable);
  },

  add(action) {
    this.past.push(action);
    this.future = [];
  },

  back() {
    const action = this.past.pop();
    if (action) this.future.push(action);
    return action;
  },

  forth() {
    const action = this.future.pop();
    if (action) this.past.push(action);
    return action;
  },
};
