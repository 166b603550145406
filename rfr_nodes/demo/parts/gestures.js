// Wheel, Space and middle button, and two fingers: zooming and panning a viewport.
const gestures = {
  fingers: new Map(), // where each finger is
  dragging: false,
  space: false,

  // interrupted: called when a second finger ends what the first one began.
  attach(view, interrupted) {
    const at = (event) => ({ clientX: event.clientX, clientY: event.clientY });
    view.addEventListener('wheel', (event) => {
      event.preventDefault();
      viewport.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.002)), event);
    }, { passive: false });
    view.addEventListener('pointerdown', (event) => {
      if (event.pointerType === 'touch') {
        this.fingers.set(event.pointerId, at(event));
        if (this.fingers.size < 2) return;
        interrupted();
      } else if (event.button === 1 || (event.button === 0 && this.space)) {
        this.dragging = true;
        view.setPointerCapture(event.pointerId);
      } else return;
      event.preventDefault();
      event.stopPropagation();
    }, true);
    view.addEventListener('pointermove', (event) => {
      if (this.dragging) viewport.pan(event.movementX, event.movementY);
      else if (this.fingers.size >= 2 && this.fingers.has(event.pointerId)) this.pinch(event.pointerId, at(event));
      else {
        if (this.fingers.has(event.pointerId)) this.fingers.set(event.pointerId, at(event));
        return;
      }
      event.stopPropagation();
    }, true);
    const lifted = (event) => {
      const busy = this.dragging || this.fingers.size >= 2;
      this.dragging = false;
      this.fingers.delete(event.pointerId);
      if (busy) event.stopPropagation();
    };
    view.addEventListener('pointerup', lifted, true);
    view.addEventListener('pointercancel', lifted, true);
    document.addEventListener('keyup', (event) => { if (event.key === ' ') this.hold(view, false); });
    window.addEventListener('blur', () => this.hold(view, false));
  },

  hold(view, held) {
    this.space = held;
    view.classList.toggle('pannable', held);
  },

  pinch(id, moved) {
    const [first, second] = [...this.fingers.keys()];
    const other = this.fingers.get(id === first ? second : first);
    const before = this.fingers.get(id);
    this.fingers.set(id, moved);
    const far = (a, b) => Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
    const middle = { clientX: (moved.clientX + other.clientX) / 2, clientY: (moved.clientY + other.clientY) / 2 };
    viewport.pan((moved.clientX - before.clientX) / 2, (moved.clientY - before.clientY) / 2);
    viewport.zoom(far(moved, other) / Math.max(1, far(before, other)), middle);
  },
};
