// One of the three planes: what is drawn in it, and what it wants from the tiles.

import { AXES, PLANES } from "./scene.js";
import { FAILED, READY } from "./tiles.js";
import { look } from "./layers.js";
import { length, roundLength } from "./units.js";

/** Milliseconds of painting tiles in a frame; the rest waits for the next. */
const PAINTING = 12;
/** So many tiles may fill a plane from the coarsest scale while finer ones are on their way. */
const COARSE = 6;
/** Tiles of a layer, at most: there may be no scale that is coarse enough for all of a plane. */
const MOST = 144;
/** Pixels around the crosshair's voxel that stay free. */
const GAP = 9;

export class Plane {
  #canvas;
  #context;
  #scratch = document.createElement("canvas");
  #parts = {};
  #hasPainted = false;
  /** Pixels of the screen, and of the page. */
  width = 0;
  height = 0;
  ratio = 1;
  /** Which way the slices were stepped through last. */
  direction = 1;
  failures = [];
  waiting = 0;
  /** Tiles that were looked at in the last frame. */
  shown = [];
  coarse = [];
  isStale = false;
  /** Whether there are too many tiles to show all. */
  isCut = false;

  constructor(name, scene, tiles, theme) {
    Object.assign(this, { name, scene, tiles, theme, ...PLANES[name] });
    const root = (this.root = document.querySelector(`[data-plane="${name}"]`));
    const part = (part) => root.querySelector(`[data-part="${part}"]`);
    root.append(document.getElementById("plane").content.cloneNode(true));
    part("name").textContent = name;
    part("axis").className = this.axis;
    part("axis").prepend(`${this.axis} `);
    const said = {
      back: `One slice back along ${this.axis}`,
      on: `One slice on along ${this.axis}`,
      slice: `Slice ${this.axis}`,
      slider: `Slice ${this.axis}`,
      large: `All the room for ${name}`,
      view: `${name} plane`,
    };
    for (const [key, label] of Object.entries(said)) part(key).setAttribute("aria-label", label);
    for (const key of ["view", "bar", "scale", "rule", "readout", "status", "error", "message"]) {
      this.#parts[key] = part(key);
    }
    this.view = this.#parts.view;
    this.#canvas = part("canvas");
    this.#context = this.#canvas.getContext("2d");
    part("retry").addEventListener("click", () => tiles.retry((tile) => this.failures.includes(tile)));
  }

  get axis() {
    return AXES[this.normal];
  }

  /** Takes the room that there is. */
  resize() {
    this.ratio = Math.min(window.devicePixelRatio || 1, 3);
    const { clientWidth, clientHeight } = this.view;
    this.width = Math.round(clientWidth * this.ratio);
    this.height = Math.round(clientHeight * this.ratio);
    for (const canvas of [this.#canvas, this.#scratch]) {
      if (canvas.width !== this.width) canvas.width = this.width;
      if (canvas.height !== this.height) canvas.height = this.height;
    }
  }

  get isHidden() {
    return this.width === 0 || this.height === 0;
  }

  /** Nanometres per pixel of the screen. */
  get #zoom() {
    return this.scene.state.zoom / this.ratio;
  }

  /** Where a place is on the screen along one of the two sides. */
  #pixel(side, nm) {
    const size = side === 0 ? this.width : this.height;
    return size / 2 + (nm - this.scene.centre[this.axes[side]]) / this.#zoom;
  }

  /** The place below a pixel of the page that is counted from the corner of the plane. */
  place(x, y) {
    const nm = [...this.scene.at];
    const { centre, state } = this.scene;
    nm[this.axes[0]] = centre[this.axes[0]] + (x - this.width / this.ratio / 2) * state.zoom;
    nm[this.axes[1]] = centre[this.axes[1]] + (y - this.height / this.ratio / 2) * state.zoom;
    return nm;
  }

  /** The pixel of the page, counted from the corner of the plane, where a place is. */
  pixel(nm) {
    return [0, 1].map((side) => this.#pixel(side, nm[this.axes[side]]) / this.ratio);
  }

  /** Whether a place is within the plane, but for a margin of pixels. */
  sees(nm, margin) {
    const [x, y] = this.pixel(nm);
    const isWithin = (at, size) => at >= margin && at <= size / this.ratio - margin;
    return isWithin(x, this.width) && isWithin(y, this.height);
  }

  /** Draws all of it. */
  draw() {
    if (this.isHidden) {
      this.tiles.want(this, []);
      return;
    }
    const { scene } = this;
    const context = this.#context;
    context.fillStyle = this.theme.outside;
    context.fillRect(0, 0, this.width, this.height);
    this.isStale = false;
    this.isCut = false;
    this.#hasPainted = false;
    this.shown = [];
    this.coarse = [];
    if (!scene.reference || !scene.state.zoom) return;
    this.#drawBounds();
    const deadline = performance.now() + PAINTING;
    const wanted = [];
    for (const { layer, volume } of scene.drawn) wanted.push(...this.#drawLayer(layer, volume, deadline));
    this.#drawFailures();
    this.#drawCrosshair();
    this.#drawScaleBar();
    const unique = [...new Set(wanted)];
    this.waiting = unique.filter((tile) => tile.state !== READY && tile.state !== FAILED).length;
    this.tiles.want(this, unique, this.#neighbours(unique));
    this.#say();
  }

  /** The box of all the volume, a shade apart from what is outside. */
  #drawBounds() {
    const { base } = this.scene.reference;
    const [x0, x1] = base.extent(this.axes[0]).map((nm) => Math.round(this.#pixel(0, nm)));
    const [y0, y1] = base.extent(this.axes[1]).map((nm) => Math.round(this.#pixel(1, nm)));
    this.#context.fillStyle = this.theme.waiting;
    this.#context.fillRect(x0, y0, x1 - x0, y1 - y0);
    this.#context.strokeStyle = this.theme.edge;
    this.#context.lineWidth = 1;
    this.#context.strokeRect(x0 - 0.5, y0 - 0.5, x1 - x0 + 1, y1 - y0 + 1);
  }

  /** The part of a scale that is in sight along a side, as voxels from and to. */
  #sight(scale, side) {
    const axis = this.axes[side];
    const size = side === 0 ? this.width : this.height;
    const half = (size / 2) * this.#zoom;
    const middle = this.scene.centre[axis];
    const [first, end] = scale.range(axis);
    const from = Math.max(scale.voxel(axis, middle - half), first);
    return [from, Math.min(scale.voxel(axis, middle + half) + 1, end)];
  }

  /** The tiles of a scale that are in sight, those in the middle first. */
  #tilesOf(volume, scale) {
    const slice = scale.voxelInside(this.normal, this.scene.at[this.normal]);
    const sides = [0, 1].map((side) => {
      const axis = this.axes[side];
      const [from, to] = this.#sight(scale, side);
      const [first] = scale.range(axis);
      const width = scale.tile[axis];
      const begin = first + Math.floor((from - first) / width) * width;
      const middle = Math.round((scale.voxel(axis, this.scene.centre[axis]) - begin) / width);
      return { begin, width, count: Math.max(Math.ceil((to - begin) / width), 0), middle };
    });
    const fewer = Math.floor(Math.sqrt(MOST));
    const [u, v] = sides;
    this.isCut ||= u.count * v.count > MOST;
    const rows = v.count > fewer ? Math.max(fewer, Math.floor(MOST / Math.max(u.count, 1))) : v.count;
    const counts = [Math.floor(MOST / Math.max(Math.min(rows, v.count), 1)), rows];
    // The ones around the middle.
    const steps = sides.map(({ begin, width, count, middle }, side) => {
      const some = Math.min(count, counts[side]);
      const skip = Math.min(Math.max(middle - Math.floor(some / 2), 0), count - some);
      return Array.from({ length: some }, (_, n) => begin + (skip + n) * width);
    });
    const places = steps[0].flatMap((u) => steps[1].map((v) => [u, v]));
    const away = ([u, v]) =>
      [u, v].reduce((sum, start, side) => {
        const axis = this.axes[side];
        const middle = (start + scale.tile[axis] / 2) * scale.resolution[axis];
        return sum + (middle - this.scene.centre[axis]) ** 2;
      }, 0);
    return places
      .sort((a, b) => away(a) - away(b))
      .map(([u, v]) => {
        const voxel = [];
        voxel[this.axes[0]] = u;
        voxel[this.axes[1]] = v;
        voxel[this.normal] = slice;
        return this.tiles.at(volume, scale, this.axes, voxel);
      });
  }

  /** Draws a layer, and answers which tiles it needs, the most urgent first. */
  #drawLayer(layer, volume, deadline) {
    if (!volume.contains(this.normal, this.scene.at[this.normal])) return [];
    const scale = volume.scaleFor(this.axes, this.#zoom);
    const fine = this.#tilesOf(volume, scale);
    const { coarsest } = volume;
    const behind = coarsest === scale ? [] : this.#tilesOf(volume, coarsest);
    const coarse = behind.length <= COARSE ? behind : [];
    const how = look(layer, volume);
    const isComplete = fine.every((tile) => tile.state === READY);
    this.shown.push(...fine.map((tile) => ({ tile, layer })));
    this.coarse.push(...coarse.map((tile) => ({ tile, layer })));
    // An image whose contrast is not known yet is not shown in a wrong one.
    if (!how) return [...coarse, ...fine];
    const context = this.#scratch.getContext("2d");
    context.clearRect(0, 0, this.width, this.height);
    for (const tile of isComplete ? fine : [...coarse, ...fine]) {
      if (tile.state !== READY) continue;
      this.#drawTile(context, tile, how, deadline);
    }
    this.#context.globalAlpha = layer.opacity;
    this.#context.drawImage(this.#scratch, 0, 0);
    this.#context.globalAlpha = 1;
    return [...coarse, ...fine];
  }

  /** The rectangle of a tile on the screen, its edges between pixels. */
  #rectangle(tile) {
    const [x0, y0, x1, y1] = [0, 0, 1, 1].map((end, n) => {
      const side = n % 2;
      const axis = this.axes[side];
      return Math.round(this.#pixel(side, tile.box[axis][end] * tile.scale.resolution[axis]));
    });
    return [x0, y0, x1 - x0, y1 - y0];
  }

  #drawTile(context, tile, how, deadline) {
    // What was painted otherwise is good for a frame, if there is no time; one is always painted.
    if (!tile.isPainted(how)) {
      if (!this.#hasPainted || performance.now() < deadline) {
        tile.paint(how);
        this.#hasPainted = true;
      } else this.isStale = true;
    }
    if (!tile.canvas) return;
    const [x, y, width, height] = this.#rectangle(tile);
    const isShrunk = width < tile.width;
    context.imageSmoothingEnabled = isShrunk && !tile.volume.hasLabels;
    context.clearRect(x, y, width, height);
    if (this.axes[0] < this.axes[1]) {
      context.drawImage(tile.canvas, x, y, width, height);
      return;
    }
    // The tile's rows run downwards here.
    context.save();
    context.transform(0, 1, 1, 0, x, y);
    context.drawImage(tile.canvas, 0, 0, height, width);
    context.restore();
  }

  /** Hatches what could not be read. */
  #drawFailures() {
    const context = this.#context;
    const failed = this.shown.map(({ tile }) => tile).filter((tile) => tile.state === FAILED);
    this.failures = [...new Set(failed)];
    for (const tile of this.failures) {
      const [x, y, width, height] = this.#rectangle(tile);
      context.fillStyle = this.#hatching();
      context.fillRect(x, y, width, height);
      context.strokeStyle = this.theme.failed;
      context.lineWidth = this.ratio;
      context.strokeRect(x + 0.5, y + 0.5, width - 1, height - 1);
    }
  }

  #hatching() {
    const size = Math.round(12 * this.ratio);
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = size;
    const context = canvas.getContext("2d");
    context.fillStyle = this.theme.failedBack;
    context.fillRect(0, 0, size, size);
    context.strokeStyle = this.theme.failed;
    context.lineWidth = 1.5 * this.ratio;
    context.beginPath();
    for (const shift of [-size, 0, size]) {
      context.moveTo(shift - 2, size + 2);
      context.lineTo(shift + size + 2, -2);
    }
    context.stroke();
    return this.#context.createPattern(canvas, "repeat");
  }

  /** Two lines, each in the colour of the plane that it stands for; the voxel itself stays free. */
  #drawCrosshair() {
    const { at } = this.scene;
    const [x, y] = [0, 1].map((side) => Math.floor(this.#pixel(side, at[this.axes[side]])) + 0.5);
    const [halfX, halfY] = [0, 1].map((side) => {
      const axis = this.axes[side];
      const voxel = this.scene.reference.base.resolution[axis] / this.#zoom;
      return Math.max(voxel / 2 + 3 * this.ratio, GAP * this.ratio);
    });
    const context = this.#context;
    context.lineWidth = Math.max(1, Math.round(this.ratio));
    const line = (axis, ...points) => {
      context.strokeStyle = this.theme.axes[axis];
      context.beginPath();
      for (let n = 0; n < points.length; n += 4) {
        context.moveTo(points[n], points[n + 1]);
        context.lineTo(points[n + 2], points[n + 3]);
      }
      context.stroke();
    };
    line(this.axes[0], x, 0, x, y - halfY, x, y + halfY, x, this.height);
    line(this.axes[1], 0, y, x - halfX, y, x + halfX, y, this.width, y);
  }

  #drawScaleBar() {
    const { zoom } = this.scene.state;
    const nm = roundLength(Math.min(this.width / this.ratio / 4, 130) * zoom);
    this.#parts.bar.hidden = false;
    this.#parts.rule.style.width = `${nm / zoom}px`;
    this.#parts.scale.textContent = length(nm);
  }

  /** The same tiles one slice on and one back: the next step is likely to be there. */
  #neighbours(tiles) {
    const step = (tile, count) => {
      const voxel = tile.box.map(([from]) => from);
      voxel[this.normal] += count;
      const [first, end] = tile.scale.range(this.normal);
      const isInside = voxel[this.normal] >= first && voxel[this.normal] < end;
      return isInside ? [this.tiles.at(tile.volume, tile.scale, this.axes, voxel)] : [];
    };
    if (tiles.length > 40) return [];
    return [this.direction, -this.direction].flatMap((way) => tiles.flatMap((tile) => step(tile, way)));
  }

  /** Tells in words what is missing. */
  #say() {
    const { status, error, message } = this.#parts;
    status.hidden = this.waiting === 0 && !this.isCut;
    status.classList.toggle("is-loading", this.waiting > 0);
    const words = this.waiting > 0 ? "loading" : "zoom in to see the rest";
    if (status.textContent !== words) status.textContent = words;
    const [failure] = this.failures;
    error.hidden = !failure;
    if (!failure) return;
    const count = this.failures.length;
    const what = count === 1 ? "A part of" : `${count} parts of`;
    const text = `${what} ${failure.volume.name} cannot be read: ${failure.error.message}`;
    // Said once, not with each frame, to those who listen.
    if (message.textContent !== text) message.textContent = text;
  }

  /** What stands at the bottom while the pointer is here. */
  setReadout(parts) {
    this.#parts.readout.replaceChildren(...parts);
    this.#parts.readout.hidden = parts.length === 0;
  }
}
