// The files of one film strip in the host's temp folder; rfr_nodes/strip_files.py says what is in them.

import { api } from "../../scripts/api.js";

export class StripFiles {
  constructor(strip) {
    this.strip = strip;
    this.pictures = new Map();
    this.attentions = new Map();
  }

  url(suffix) {
    return api.apiURL(`/view?type=temp&filename=${encodeURIComponent(this.strip.stem + suffix)}`);
  }

  frameURL(index) {
    return this.url(`_${String(index).padStart(2, "0")}.jpg`);
  }

  frame(index) {
    return this.loaded(this.frameURL(index));
  }

  // Resolves to {width, height, data}: for each pixel the frame that reached it, 0 = known, 255 = never.
  reached() {
    this.reachedData ??= this.loaded(this.url("_reached.png")).then((image) => {
      const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
      const context = canvas.getContext("2d", { willReadFrequently: true });
      context.drawImage(image, 0, 0);
      const rgba = context.getImageData(0, 0, canvas.width, canvas.height).data;
      const data = new Uint8Array(canvas.width * canvas.height);
      for (let i = 0; i < data.length; i++) data[i] = rgba[4 * i];
      return { width: canvas.width, height: canvas.height, data };
    });
    return this.reachedData;
  }

  async attention(index) {
    if (!this.strip.attention || index < 1) return [];
    if (!this.attentions.has(index)) {
      const url = this.url(`_attention_${String(index).padStart(2, "0")}.bin`);
      const response = await fetch(url);
      if (!response.ok) throw new Error(`${url}: ${response.status}`);
      this.attentions.set(index, parseAttention(await response.arrayBuffer()));
    }
    return this.attentions.get(index);
  }

  loaded(url) {
    if (!this.pictures.has(url)) {
      const image = new Image();
      const ready = new Promise((resolve, reject) => {
        image.onload = () => resolve(image);
        image.onerror = () => reject(new Error(url));
      });
      image.src = url;
      this.pictures.set(url, ready);
    }
    return this.pictures.get(url);
  }
}

// The regions of one frame's attention, as rfr_nodes/strip_files.py lays them out: each a header of eight int32, the
// cells of its hole, their sources row by row (both int32), and the sources' shares in 1/1000 (uint16, padded).
function parseAttention(buffer) {
  const regions = [];
  let at = 0;
  const take = (Kind, length) => {
    const values = new Kind(buffer, at, length);
    at += Math.ceil(values.byteLength / 4) * 4;
    return values;
  };
  while (at < buffer.byteLength) {
    const [left, top, width, height, cell, columns, rows, perRow] = take(Int32Array, 8);
    const targets = take(Int32Array, rows);
    const sources = take(Int32Array, rows * perRow);
    const shares = take(Uint16Array, rows * perRow);
    regions.push({ box: [left, top, width, height], cell, columns, targets, sources, shares, perRow });
  }
  return regions;
}
