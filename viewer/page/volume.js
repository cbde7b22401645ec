// A volume: its scales, and where they lie. Axes are 0, 1, 2 for x, y, z; lengths are nanometres;
// a scale's voxel `i` covers `i * resolution` to `(i + 1) * resolution`.

import { Failure, escapeName, getConfig, getJson } from "./server.js";
import { isFloat, isKnown, itemSize } from "./voxels.js";

/** About how many voxels of the finest axis a tile is wide. */
const TILE = 256;
/** Chunks that are wider than this are cut. */
const WIDEST = 512;

export class Scale {
  constructor(index, json) {
    this.index = index;
    this.key = json.key;
    this.size = json.size.map(Number);
    this.offset = (json.voxel_offset ?? [0, 0, 0]).map(Number);
    this.resolution = json.resolution.map(Number);
    this.chunk = (json.chunk_sizes?.[0] ?? [64, 64, 64]).map(Number);
    const finest = Math.min(...this.resolution);
    /** Voxels of a tile along each axis: whole chunks, about as long in nm along each. */
    this.tile = this.chunk.map((chunk, axis) => {
      if (chunk > WIDEST) return WIDEST;
      const wanted = Math.max((TILE * finest) / this.resolution[axis], 32);
      return chunk * Math.max(Math.round(wanted / chunk), 1);
    });
  }

  /** The first voxel along an axis, and the one after the last. */
  range(axis) {
    return [this.offset[axis], this.offset[axis] + this.size[axis]];
  }

  /** The same in nanometres. */
  extent(axis) {
    return this.range(axis).map((voxel) => voxel * this.resolution[axis]);
  }

  /** The voxel at a place, by its index along an axis. */
  voxel(axis, nm) {
    return Math.floor(nm / this.resolution[axis] + 1e-9);
  }

  /** The same, moved inside. */
  voxelInside(axis, nm) {
    const [first, end] = this.range(axis);
    return Math.min(Math.max(this.voxel(axis, nm), first), end - 1);
  }
}

export class Volume {
  /** `place` is the path that it is read from: its name, or that of a view of it. */
  constructor(name, info, said, place = name) {
    this.name = name;
    this.place = place;
    this.type = String(info.data_type).toLowerCase();
    this.channels = Number(info.num_channels ?? 1);
    this.kind = info.type ?? said ?? "image";
    if (!isKnown(this.type)) throw new Failure(200, `voxels of type ${this.type} cannot be shown`);
    if (!info.scales?.length) throw new Failure(200, "the volume has no scales");
    this.scales = info.scales.map((json, index) => new Scale(index, json));
  }

  /** Reads the description of a volume. Of one scale only the server may make coarser ones. */
  static async open(name, said) {
    const describe = (place) => getJson(`../${escapeName(place)}/info`);
    const info = await describe(name);
    if (info.scales?.length === 1 && (await getConfig()).pyramid) {
      const place = name.replace(/^[^/]+/, "$&@pyramid");
      return new Volume(name, await describe(place), said, place);
    }
    return new Volume(name, info, said);
  }

  get base() {
    return this.scales[0];
  }

  get isSegmentation() {
    return this.kind === "segmentation";
  }

  /** Whether its voxels are labels, each with a colour. */
  get hasLabels() {
    return this.isSegmentation && !isFloat(this.type);
  }

  get itemSize() {
    return itemSize(this.type);
  }

  /** Whether a place lies within the volume along an axis. */
  contains(axis, nm) {
    const [from, to] = this.base.extent(axis);
    return nm >= from && nm < to;
  }

  /** The coarsest scale whose voxels are not wider than a pixel of so many nm, or the finest. */
  scaleFor(axes, nmPerPixel) {
    const width = (scale) => Math.min(...axes.map((axis) => scale.resolution[axis]));
    const fitting = this.scales.filter((scale) => width(scale) <= nmPerPixel * 1.2);
    return fitting.reduce((best, scale) => (width(scale) > width(best) ? scale : best), this.base);
  }

  /** The scale with the fewest voxels. */
  get coarsest() {
    const voxels = (scale) => scale.size.reduce((product, size) => product * size, 1);
    return this.scales.reduce((best, scale) => (voxels(scale) < voxels(best) ? scale : best));
  }

  /** Where a box of a scale is read. */
  cutout(scale, box) {
    const axes = box.map(([from, to]) => `${from}:${to}`).join(",");
    return `../v1/${escapeName(this.place)}/cutout?box=${axes}&scale=${scale.index}&format=raw`;
  }
}
