// Which values are black and white: found from the voxels that are seen.

import { READY } from "./tiles.js";
import { isFloat, typeRange } from "./voxels.js";

/** Values that are looked at. */
const SAMPLES = 1 << 16;
/** The share of them that may be darker than black, and brighter than white. */
const CLIPPED = 0.01;
const BINS = 64;

/** Windows that are used until all is here. */
const provisional = new WeakMap();

/** The window of a layer, or null as long as nothing is known. */
export const windowOf = (layer) => layer.window ?? provisional.get(layer) ?? null;

/** The values of a layer that are in sight in some planes, sorted. */
function sample(planes, layer) {
  const isReady = (shown) => shown.layer === layer && shown.tile.state === READY;
  const find = (list) => [...new Set(planes.flatMap(list).filter(isReady).map(({ tile }) => tile))];
  let tiles = find((plane) => plane.shown);
  if (tiles.length === 0) tiles = find((plane) => plane.coarse);
  const count = tiles.reduce((sum, tile) => sum + tile.voxels.length, 0);
  // Odd, so that not always the same columns are seen.
  const step = Math.floor(count / SAMPLES / 2) * 2 + 1;
  const values = [];
  for (const tile of tiles) {
    for (let n = 0; n < tile.voxels.length; n += step) {
      const value = Number(tile.voxels[n]);
      if (Number.isFinite(value)) values.push(value);
    }
  }
  return Float64Array.from(values).sort();
}

/** All but the outermost percent at each end, unless that is one value only. */
function inner(values) {
  const clipped = Math.floor(values.length * CLIPPED);
  const window = [values[clipped], values[values.length - 1 - clipped]];
  return window[0] < window[1] ? window : [values[0], values[values.length - 1]];
}

/** The window that suits what is seen, or null if nothing is. */
export function suitableWindow(planes, layer) {
  const values = sample(planes, layer);
  if (values.length === 0) return null;
  const [black, white] = inner(values);
  return black < white ? [black, white] : [black, black + 1];
}

/** Keeps a window for a layer until the right one is known. */
export function setProvisional(layer, window) {
  if (window) provisional.set(layer, window);
}

/** How often values are seen: `{from, to, bins}`; `bins` are shares of the most frequent. */
export function histogram(planes, layer, volume) {
  const values = sample(planes, layer);
  if (values.length === 0) return null;
  let from = values[0];
  let to = values[values.length - 1];
  // Bytes are seldom looked at but as a whole.
  if (volume.itemSize === 1 && !isFloat(volume.type)) [from, to] = typeRange(volume.type);
  if (from === to) to = from + 1;
  const bins = new Float64Array(BINS);
  for (const value of values) {
    bins[Math.min(Math.floor(((value - from) / (to - from)) * BINS), BINS - 1)] += 1;
  }
  // By the square root, for a peak of background would flatten the rest.
  const most = Math.sqrt(Math.max(...bins));
  return { from, to, bins: [...bins].map((count) => Math.sqrt(count) / most) };
}
