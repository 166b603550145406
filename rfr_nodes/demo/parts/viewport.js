// Which part of the photo is seen. Painter and viewer show the same part: each tells the other by an event.
const WHOLE = { scale: 1, x: 0.5, y: 0.5 }; // how many times larger than fitted, and the centre in shares of the photo
const MOST = 16;

const viewport = {
  now: WHOLE,
  size: [3, 2], // of what is shown, in any unit
  place: { left: 0, top: 0, width: 1, height: 1 }, // where it lies within the view, in CSS pixels
  own: null, // WHOLE while something else than the shared part is shown
  view: null,
  stage: null,
  moved: () => {},

  // view: the element that is looked through; stage: the one that is moved in it.
  attach(view, stage, moved) {
    Object.assign(this, { view, stage, moved });
    new ResizeObserver(() => this.apply()).observe(view);
    document.addEventListener('rfr-view', (event) => {
      if (event.detail.from === this || !view.isConnected) return;
      this.now = event.detail.now;
      this.apply();
    });
  },

  show(width, height) {
    this.size = [width, height];
    if (!this.own) this.view.style.setProperty('--shape', width / height);
    this.apply();
  },

  set(next) {
    const scale = Math.min(MOST, Math.max(1, next.scale));
    const fit = Math.min(this.view.clientWidth / this.size[0], this.view.clientHeight / this.size[1]) * scale;
    const held = (share, outer, inner) => {
      const half = Math.min(0.5, outer / inner / 2);
      return Math.min(1 - half, Math.max(half, share));
    };
    this.now = {
      scale,
      x: held(next.x, this.view.clientWidth, this.size[0] * fit),
      y: held(next.y, this.view.clientHeight, this.size[1] * fit),
    };
    this.apply();
    document.dispatchEvent(new CustomEvent('rfr-view', { detail: { from: this, now: this.now } }));
  },

  // Zooms so that what is at a place of the screen stays there; without a place, at the middle.
  zoom(factor, at) {
    const box = this.view.getBoundingClientRect();
    const x = at ? at.clientX - box.left - this.view.clientLeft : box.width / 2;
    const y = at ? at.clientY - box.top - this.view.clientTop : box.height / 2;
    const scale = Math.min(MOST, Math.max(1, this.now.scale * factor));
    const grown = scale / this.now.scale;
    const { left, top, width, height } = this.place;
    this.set({
      scale,
      x: (x - left) / width + (this.view.clientWidth / 2 - x) / (width * grown),
      y: (y - top) / height + (this.view.clientHeight / 2 - y) / (height * grown),
    });
  },

  pan(right, down) {
    this.set({
      scale: this.now.scale,
      x: this.now.x - right / this.place.width,
      y: this.now.y - down / this.place.height,
    });
  },

  apply() {
    const [outerWidth, outerHeight] = [this.view.clientWidth, this.view.clientHeight];
    if (!outerWidth || !outerHeight) return;
    const { scale, x, y } = this.own || this.now;
    const fit = Math.min(outerWidth / this.size[0], outerHeight / this.size[1]) * scale;
    const [width, height] = [this.size[0] * fit, this.size[1] * fit];
    const start = (share, outer, inner) =>
      inner <= outer ? (outer - inner) / 2 : Math.min(0, Math.max(outer - inner, outer / 2 - share * inner));
    this.place = { left: start(x, outerWidth, width), top: start(y, outerHeight, height), width, height };
    Object.assign(this.stage.style, {
      width: width + 'px',
      height: height + 'px',
      transform: 'translate(' + this.place.left + 'px, ' + this.place.top + 'px)',
    });
    this.moved();
  },
};
