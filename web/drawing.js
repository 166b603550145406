// What is drawn over a frame: the border of the open hole, the wipe, and the sources of a filled pixel.

const AMBER = "#ffb81a";
const HEAT = [[13, 8, 51], [140, 26, 115], [247, 115, 51], [255, 242, 166]]; // as rfr_core/views/heat_map.py

// A canvas with a line inside the border of what was still open after a recurrence.
export function openOutline(reached, index, thickness) {
  const { width, height, data } = reached;
  const open = new OffscreenCanvas(width, height);
  const context = open.getContext("2d");
  const image = context.createImageData(width, height);
  for (let i = 0; i < data.length; i++) if (data[i] > index) image.data.set([255, 184, 26, 255], 4 * i);
  context.putImageData(image, 0, 0);
  const inner = new OffscreenCanvas(width, height);
  const erode = inner.getContext("2d");
  erode.drawImage(open, 0, 0);
  erode.globalCompositeOperation = "destination-in";
  for (const dx of [-thickness, 0, thickness])
    for (const dy of [-thickness, 0, thickness]) erode.drawImage(open, dx, dy);
  context.globalCompositeOperation = "destination-out";
  context.drawImage(inner, 0, 0);
  return open;
}

export function shareFilled(reached, index) {
  let hole = 0;
  let open = 0;
  for (const value of reached.data) {
    if (value > 0) hole++;
    if (value > index) open++;
  }
  return hole ? 1 - open / hole : 1;
}

export function drawWipe(context, before, position) {
  const { width, height } = context.canvas;
  const x = Math.round(position * width);
  context.save();
  context.beginPath();
  context.rect(0, 0, x, height);
  context.clip();
  context.drawImage(before, 0, 0, width, height);
  context.restore();
  const thick = Math.max(2, width / 200);
  context.fillStyle = "#fff";
  context.fillRect(x - thick / 2, 0, thick, height);
  context.beginPath();
  context.arc(x, height / 2, 4 * thick, 0, 2 * Math.PI);
  context.fill();
}

// The cells that the pixel (x, y) of the picture took most from, strongest first; null where it was not filled.
export function sourcesOf(regions, x, y) {
  for (const region of regions) {
    const [left, top, width, height] = region.box;
    if (x < left || y < top || x >= left + width || y >= top + height) continue;
    const cellAt = (value, start) => Math.floor((value - start + 0.5) / region.cell);
    const target = cellAt(y, top) * region.columns + cellAt(x, left);
    const row = region.targets.indexOf(target);
    if (row < 0) continue;
    const place = (cell) => [
      left + (cell % region.columns) * region.cell,
      top + Math.floor(cell / region.columns) * region.cell,
    ];
    const first = row * region.perRow;
    const shares = region.shares.subarray(first, first + region.perRow);
    const sources = [...shares].map((share, i) => ({ place: place(region.sources[first + i]), share: share / 1000 }));
    return { target: place(target), cell: region.cell, sources: sources.filter(({ share }) => share > 0) };
  }
  return null;
}

// scale: canvas pixels to a pixel of the picture.
export function drawSources(context, found, scale) {
  const { width, height } = context.canvas;
  const side = Math.max(4, found.cell * scale);
  const most = Math.max(...found.sources.map(({ share }) => share), 1e-9);
  context.fillStyle = "rgba(0, 0, 0, 0.55)";
  context.fillRect(0, 0, width, height);
  const centre = ([x, y]) => [(x + found.cell / 2) * scale, (y + found.cell / 2) * scale];
  const [tx, ty] = centre(found.target);
  for (const { place, share } of [...found.sources].reverse()) {
    const strength = Math.sqrt(share / most);
    const [x, y] = centre(place);
    context.strokeStyle = `rgba(255, 255, 255, ${0.5 * strength})`;
    context.lineWidth = Math.max(1, width / 500);
    context.beginPath();
    context.moveTo(tx, ty);
    context.lineTo(x, y);
    context.stroke();
    context.fillStyle = heat(strength);
    context.fillRect(x - side / 2, y - side / 2, side, side);
  }
  context.strokeStyle = AMBER;
  context.lineWidth = Math.max(2, width / 250);
  context.strokeRect(tx - side / 2, ty - side / 2, side, side);
}

function heat(strength) {
  const place = Math.min(0.9999, Math.max(0, strength)) * (HEAT.length - 1);
  const below = Math.floor(place);
  const mixed = HEAT[below].map((value, i) => Math.round(value + (HEAT[below + 1][i] - value) * (place - below)));
  return `rgba(${mixed.join(",")}, ${0.35 + 0.65 * strength})`;
}
