// From voxels to pixels: images by contrast, segmentations by the colours of their labels.

import { halves, packedColour } from "./colours.js";
import { labelWords } from "./voxels.js";

const OPAQUE = 0xff000000;
/** How much is seen of labels that are not selected, when some are. */
const DIMMED = 0x38000000;

/** A grey of 0 to 255; what is not a number is black. A window that is upside down is a negative. */
export function brightness(value, [black, white]) {
  if (black === white) return value > black ? 255 : 0;
  const shade = Math.floor(((value - black) / (white - black)) * 255 + 0.5);
  return shade > 0 ? Math.min(shade, 255) : 0;
}

/** The greys of all values of a short type, indexed by the value's bits. */
function table(voxels, window) {
  const bits = voxels.BYTES_PER_ELEMENT * 8;
  const isSigned = voxels instanceof Int8Array || voxels instanceof Int16Array;
  const shades = new Uint8Array(1 << bits);
  for (let n = 0; n < shades.length; n++) {
    const value = isSigned && n >= shades.length / 2 ? n - shades.length : n;
    shades[n] = brightness(value, window);
  }
  return { shades, mask: shades.length - 1 };
}

let lastTable = { key: "" };

/** A function from a place among voxels to a grey. */
function greys(voxels, window) {
  if (voxels.BYTES_PER_ELEMENT <= 2) {
    const key = `${voxels.constructor.name} ${window}`;
    // The tiles of a picture follow each other with the same window.
    if (lastTable.key !== key) lastTable = { key, ...table(voxels, window) };
    const { shades, mask } = lastTable;
    return (at) => shades[voxels[at] & mask];
  }
  return (at) => brightness(Number(voxels[at]), window);
}

/** Paints a tile of an image. `channel` is a number, or "rgb" for the first three. */
export function paintImage(voxels, pixels, { window, channel }) {
  const count = pixels.length;
  const grey = greys(voxels, window);
  if (channel === "rgb" && voxels.length >= 3 * count) {
    for (let n = 0; n < count; n++) {
      pixels[n] = OPAQUE | (grey(n + 2 * count) << 16) | (grey(n + count) << 8) | grey(n);
    }
    return;
  }
  const from = (Number(channel) || 0) * count;
  for (let n = 0; n < count; n++) pixels[n] = OPAQUE | (grey(n + from) * 0x010101);
}

/** A set of labels that can be asked by halves. */
export function selection(labels) {
  const found = new Map();
  for (const label of labels) {
    const [low, high] = halves(label);
    found.set(low, [...(found.get(low) ?? []), high]);
  }
  return { isEmpty: found.size === 0, has: (low, high) => found.get(low)?.includes(high) ?? false };
}

/** Paints a tile of a segmentation; the label 0 is transparent. */
export function paintLabels(voxels, pixels, { selected }) {
  const { low, high, step } = labelWords(voxels);
  let [lastLow, lastHigh, colour] = [0, 0, 0];
  for (let n = 0; n < pixels.length; n++) {
    const nowLow = low[n * step];
    const nowHigh = high ? high[n * step] : 0;
    if (nowLow !== lastLow || nowHigh !== lastHigh) {
      [lastLow, lastHigh] = [nowLow, nowHigh];
      if (nowLow === 0 && nowHigh === 0) colour = 0;
      else {
        const seen = selected.isEmpty || selected.has(nowLow, nowHigh);
        colour = packedColour(nowLow, nowHigh) | (seen ? OPAQUE : DIMMED);
      }
    }
    pixels[n] = colour;
  }
}
