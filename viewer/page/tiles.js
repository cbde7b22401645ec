// Tiles: rectangles of a plane, one voxel thick, in one scale. They are fetched in the order in which
// they are wanted, few at a time, let go when nobody wants them any more, and kept within a bound.

import { Failure, get } from "./server.js";
import { view } from "./voxels.js";
import { paintImage, paintLabels } from "./paint.js";

/** Requests at a time. Browsers have six connections to a host of HTTP/1.1. */
const AT_ONCE = 6;
/** Bytes of tiles that are kept, voxels and pixels. */
const ROOM = (navigator.deviceMemory ?? 8) <= 2 ? 96 << 20 : 256 << 20;
/** Milliseconds of calm before tiles are fetched that may be wanted next. */
const CALM = 150;
/** Milliseconds before a failed tile is asked for again by itself; doubled each time. */
const PATIENCE = [4e3, 60e3];

export const WAITING = "waiting";
export const LOADING = "loading";
export const READY = "ready";
export const FAILED = "failed";

class Tile {
  constructor(key, volume, scale, axes, box) {
    Object.assign(this, { key, volume, scale, axes, box });
    this.state = WAITING;
    this.tries = 0;
    this.retryAt = 0;
    this.used = 0;
    this.bytes = 0;
    this.voxels = null;
    this.error = null;
    this.canvas = null;
    this.style = "";
  }

  get width() {
    return this.box[this.axes[0]][1] - this.box[this.axes[0]][0];
  }

  get height() {
    return this.box[this.axes[1]][1] - this.box[this.axes[1]][0];
  }

  /** The voxel at a place of the scale, or undefined. */
  value(at, channel = 0) {
    const [u, v] = this.axes.map((axis) => at[axis] - this.box[axis][0]);
    if (u < 0 || v < 0 || u >= this.width || v >= this.height || !this.voxels) return undefined;
    return this.voxels[this.place(u, v) + channel * this.width * this.height];
  }

  /** Where a pixel's voxel is: in memory the axes are in the order x, y, z. */
  place(u, v) {
    return this.axes[0] < this.axes[1] ? u + v * this.width : v + u * this.height;
  }

  /** Takes what the server sent. */
  fill(buffer) {
    const { type, itemSize, channels } = this.volume;
    const wanted = this.width * this.height * channels * itemSize;
    if (buffer.byteLength !== wanted) {
      throw new Failure(200, `the server sent ${buffer.byteLength} bytes of ${wanted}`);
    }
    this.voxels = view(type, buffer);
    this.bytes = wanted + 4 * this.width * this.height;
    this.state = READY;
    this.error = null;
    this.tries = 0;
  }

  fail(error) {
    this.state = FAILED;
    this.error = error;
    const wait = Math.min(PATIENCE[0] * 2 ** this.tries++, PATIENCE[1]);
    this.retryAt = error.isPassing ? performance.now() + wait : Infinity;
  }

  /** Whether `paint` has nothing to do. */
  isPainted(look) {
    return this.style === look.style;
  }

  /** The tile as a picture. */
  paint(look) {
    if (this.isPainted(look)) return this.canvas;
    const { width, height } = this;
    // As it lies in memory, the lower axis along the rows.
    const isTurned = this.axes[0] > this.axes[1];
    const canvas = (this.canvas ??= document.createElement("canvas"));
    [canvas.width, canvas.height] = isTurned ? [height, width] : [width, height];
    const context = canvas.getContext("2d");
    const image = context.createImageData(canvas.width, canvas.height);
    const pixels = new Uint32Array(image.data.buffer);
    if (this.volume.hasLabels) {
      paintLabels(this.voxels, pixels, look);
    } else {
      paintImage(this.voxels, pixels, look);
    }
    context.putImageData(image, 0, 0);
    this.style = look.style;
    return canvas;
  }
}

export class Tiles extends EventTarget {
  #tiles = new Map();
  /** What each owner wants, most urgent first. */
  #wanted = new Map();
  /** What it might want next. */
  #later = new Map();
  #loading = new Map();
  #clock = 0;
  #kept = 0;
  #timer = 0;
  #calmAt = 0;
  #calmTimer = 0;

  /** The tile of a volume's scale that has a voxel, cut across `normal`; `axes` are its sides. */
  at(volume, scale, axes, voxel) {
    const box = [];
    for (const axis of [0, 1, 2]) {
      const [first, end] = scale.range(axis);
      if (!axes.includes(axis)) {
        box[axis] = [voxel[axis], voxel[axis] + 1];
        continue;
      }
      const from = first + Math.floor((voxel[axis] - first) / scale.tile[axis]) * scale.tile[axis];
      box[axis] = [from, Math.min(from + scale.tile[axis], end)];
    }
    const key = `${volume.name} ${scale.index} ${axes} ${box.map(([from]) => from)}`;
    let tile = this.#tiles.get(key);
    if (!tile) {
      tile = new Tile(key, volume, scale, axes, box);
      this.#tiles.set(key, tile);
    }
    tile.used = ++this.#clock;
    return tile;
  }

  /** The same if it is here, without asking for it. */
  peek(volume, scale, axes, voxel) {
    const tile = this.at(volume, scale, axes, voxel);
    if (tile.state === WAITING) this.#drop(tile);
    return tile.state === READY ? tile : null;
  }

  /** Says what an owner wants to see now, and what it might want to see next. */
  want(owner, now, later = []) {
    const before = this.#wanted.get(owner) ?? [];
    if (now.length !== before.length || now.some((tile, n) => tile !== before[n])) {
      this.#calmAt = performance.now() + CALM;
    }
    this.#wanted.set(owner, now);
    this.#later.set(owner, later);
    this.#pump();
  }

  /** Tries failed tiles again. */
  retry(isWanted = () => true) {
    for (const tile of this.#tiles.values()) {
      if (tile.state === FAILED && isWanted(tile)) this.#reset(tile);
    }
    this.#pump();
    this.dispatchEvent(new Event("change"));
  }

  /** Whether all that is wanted is here, or has failed. */
  get isIdle() {
    for (const tile of this.#all(this.#wanted)) {
      if (tile.state === WAITING || tile.state === LOADING) return false;
    }
    return true;
  }

  get summary() {
    return { tiles: this.#tiles.size, bytes: this.#kept, loading: this.#loading.size };
  }

  *#all(lists) {
    for (const list of lists.values()) yield* list;
  }

  #drop(tile) {
    if (this.#tiles.get(tile.key) === tile) this.#tiles.delete(tile.key);
    this.#kept -= tile.bytes;
    tile.bytes = 0;
  }

  #reset(tile) {
    tile.state = WAITING;
    tile.retryAt = 0;
    // What was let go in the meantime has its place again.
    this.#tiles.set(tile.key, tile);
  }

  /** Starts what is wanted most, and stops what is not wanted any more. */
  #pump() {
    const wanted = new Set(this.#all(this.#wanted));
    const later = new Set(this.#all(this.#later));
    for (const [tile, controller] of this.#loading) {
      if (!wanted.has(tile) && !later.has(tile)) controller.abort();
    }
    clearTimeout(this.#timer);
    const now = performance.now();
    let next = Infinity;
    for (const tile of wanted) {
      if (tile.state !== FAILED) continue;
      if (tile.retryAt <= now) this.#reset(tile);
      else next = Math.min(next, tile.retryAt);
    }
    if (next < Infinity) this.#timer = setTimeout(() => this.#pump(), next - now + 1);
    for (const tile of this.#turns()) {
      if (this.#loading.size >= AT_ONCE) return;
      if (tile.state === WAITING) this.#load(tile);
    }
    // What may be wanted later waits until nothing else does, and leaves room for what comes.
    clearTimeout(this.#calmTimer);
    if (!this.isIdle) return;
    if (now < this.#calmAt) {
      this.#calmTimer = setTimeout(() => this.#pump(), this.#calmAt - now + 1);
      return;
    }
    for (const tile of later) {
      if (this.#loading.size >= AT_ONCE / 2) return;
      if (tile.state === WAITING) this.#load(tile);
    }
  }

  /** One tile of each owner in turn, so that no plane waits for another. */
  *#turns() {
    const lists = [...this.#wanted.values()];
    const longest = Math.max(0, ...lists.map((list) => list.length));
    for (let n = 0; n < longest; n++) {
      for (const list of lists) if (list[n]) yield list[n];
    }
  }

  async #load(tile) {
    const controller = new AbortController();
    this.#loading.set(tile, controller);
    tile.state = LOADING;
    try {
      const path = tile.volume.cutout(tile.scale, tile.box);
      const response = await get(path, { signal: controller.signal });
      const buffer = await response.arrayBuffer();
      tile.fill(buffer);
      this.#kept += tile.bytes;
      if (!this.#tiles.has(tile.key)) this.#tiles.set(tile.key, tile);
    } catch (error) {
      if (controller.signal.aborted) tile.state = WAITING;
      else tile.fail(error instanceof Failure ? error : new Failure(0, error.message));
    }
    this.#loading.delete(tile);
    this.#makeRoom();
    this.#pump();
    this.dispatchEvent(new Event("change"));
  }

  /** Lets go what was not looked at for longest. */
  #makeRoom() {
    if (this.#kept <= ROOM && this.#tiles.size < 4096) return;
    const wanted = new Set(this.#all(this.#wanted));
    const old = [...this.#tiles.values()]
      .filter((tile) => !wanted.has(tile) && tile.state !== LOADING)
      .sort((a, b) => a.used - b.used);
    for (const tile of old) {
      if (this.#kept <= ROOM * 0.8 && this.#tiles.size < 3072) return;
      this.#drop(tile);
    }
  }
}
