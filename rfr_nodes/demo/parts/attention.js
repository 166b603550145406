// Choosing a pixel, and showing where it was fetched from.
const attention = {
  spot: null, // where it is asked for, in pixels of the picture
  answer: null, // the layer that came last

  clear() {
    this.spot = this.answer = null;
  },

  // box: the part of the picture that is seen. Returns whether the answer is to what is asked.
  show(layer, mark, box, index) {
    const { spot, answer } = this;
    const across = (x) => 100 * (x - box[0]) / (box[2] - box[0]) + '%';
    const down = (y) => 100 * (y - box[1]) / (box[3] - box[1]) + '%';
    const fits = Boolean(answer && spot && answer.index === index && answer.x === spot.x && answer.y === spot.y);
    layer.hidden = !fits;
    if (fits) {
      const [left, top, right, bottom] = answer.box; // not always within the view
      Object.assign(layer.style, {
        left: across(left),
        top: down(top),
        width: 100 * (right - left) / (box[2] - box[0]) + '%',
        height: 100 * (bottom - top) / (box[3] - box[1]) + '%',
      });
      layer.src = answer.layer.url;
      layer.alt = word('attention-alt');
    }
    mark.hidden = !spot;
    if (spot) Object.assign(mark.style, { left: across(spot.x + 0.5), top: down(spot.y + 0.5) });
    return fits;
  },

  // The pixel under the pointer; stage: the element that shows the box.
  at(event, stage, box) {
    const seen = stage.getBoundingClientRect();
    this.put(
      Math.floor(box[0] + (event.clientX - seen.left) / seen.width * (box[2] - box[0])),
      Math.floor(box[1] + (event.clientY - seen.top) / seen.height * (box[3] - box[1])),
      box,
    );
  },

  move(direction, far, box) {
    const step = Math.max(1, Math.round((box[2] - box[0]) / (far ? 20 : 100)));
    const from = this.spot || { x: Math.round((box[0] + box[2]) / 2), y: Math.round((box[1] + box[3]) / 2) };
    this.put(from.x + direction[0] * step, from.y + direction[1] * step, box);
  },

  put(x, y, box) {
    this.spot = {
      x: Math.min(box[2] - 1, Math.max(box[0], x)),
      y: Math.min(box[3] - 1, Math.max(box[1], y)),
    };
  },

  // In words, for those who do not see the mark.
  position(box) {
    return word('position', {
      x: Math.round(100 * (this.spot.x - box[0]) / (box[2] - box[0])),
      y: Math.round(100 * (this.spot.y - box[1]) / (box[3] - box[1])),
    });
  },
};
