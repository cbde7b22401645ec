// The state together with the volumes that it speaks of: what is where, and how to move.

import { Failure, getJson } from "./server.js";
import { newLayer } from "./state.js";
import { Volume } from "./volume.js";

/** The sides of each plane, to the right and downwards, and the axis that it cuts. */
export const PLANES = {
  xy: { axes: [0, 1], normal: 2 },
  yz: { axes: [2, 1], normal: 0 },
  xz: { axes: [0, 2], normal: 1 },
};
export const AXES = ["x", "y", "z"];
/** The opacity of a segmentation that lies above another layer. */
const OVERLAY = 0.4;
/** Nanometres per pixel. */
const ZOOMS = [1e-3, 1e9];

export class Scene extends EventTarget {
  /** What the server has: `{name, kind}`. */
  list = [];
  /** Names to `{volume}` or `{error}`, or `{}` while a volume is being opened. */
  #volumes = new Map();

  constructor(state) {
    super();
    this.state = state;
    state.addEventListener("change", () => this.#openAll());
  }

  /** Asks what the server has, and opens what is to be seen. */
  async start() {
    const answer = await getJson("../v1/volumes");
    const volumes = Array.isArray(answer) ? answer : (answer.volumes ?? []);
    this.list = volumes
      .map((entry) => (typeof entry === "string" ? { name: entry } : entry))
      .filter(({ name }) => name)
      .map(({ name, type }) => ({ name, kind: type }));
    if (this.state.layers.length === 0) {
      const first = (kind) => this.list.find((entry) => (entry.kind ?? "image") === kind);
      const found = [first("image"), first("segmentation")].filter(Boolean);
      this.state.change({ layers: found.map(({ name }) => newLayer(name)) });
    } else {
      this.#openAll();
    }
  }

  #openAll() {
    for (const { volume } of this.state.layers) if (!this.#volumes.has(volume)) this.#open(volume);
    // Volumes that are known may be layers once more.
    this.#settle();
  }

  async #open(name) {
    const entry = {};
    this.#volumes.set(name, entry);
    try {
      const said = this.list.find((listed) => listed.name === name)?.kind;
      entry.volume = await Volume.open(name, said);
    } catch (error) {
      entry.error = error instanceof Failure ? error : new Failure(0, error.message);
    }
    this.#settle();
    this.dispatchEvent(new CustomEvent("volume", { detail: { name, ...entry } }));
  }

  /** Tries a volume that could not be opened again. */
  reopen(name) {
    this.#volumes.delete(name);
    this.#openAll();
  }

  /** The volume of a layer: `{volume}`, `{error}`, or neither yet. */
  status(layer) {
    return this.#volumes.get(layer.volume) ?? {};
  }

  /** Whether a volume is still being opened. */
  get isOpening() {
    return this.state.layers.some((layer) => {
      const { volume, error } = this.status(layer);
      return !volume && !error;
    });
  }

  /** The layers that can be drawn, from the bottom to the top. */
  get drawn() {
    return this.state.layers
      .map((layer) => ({ layer, volume: this.status(layer).volume }))
      .filter(({ layer, volume }) => volume && layer.visible);
  }

  /** The volume whose voxels positions are told in: the first that can be opened. */
  get reference() {
    for (const layer of this.state.layers) {
      const { volume, error } = this.status(layer);
      if (volume) return volume;
      // It may be this one.
      if (!error) return null;
    }
    return null;
  }

  /** An opacity for layers that have none, and a place to begin with, once there is a volume. */
  #settle() {
    const { reference, state } = this;
    if (!reference) return;
    state.layers.forEach((layer, n) => {
      const { volume } = this.status(layer);
      if (volume && layer.opacity === null) layer.opacity = volume.hasLabels && n > 0 ? OVERLAY : 1;
    });
    const wanted = state.at ?? [0, 1, 2].map((axis) => {
      const [first, end] = reference.base.range(axis);
      return Math.floor((first + end) / 2);
    });
    const at = this.#inside(wanted);
    if (String(at) !== String(state.at)) state.change({ at });
  }

  /** Changes which layers there are, and stays at the same place. */
  setLayers(layers) {
    const { reference: old, state } = this;
    const place = old && state.at && { at: this.at, centre: this.centre };
    state.layers = layers;
    const next = this.reference;
    const part = { layers };
    if (place && next && String(old.base.resolution) !== String(next.base.resolution)) {
      part.at = place.at.map((nm, axis) => next.base.voxel(axis, nm));
      part.centre = state.centre && this.#voxels(place.centre);
    }
    state.change(part);
  }

  #inside(voxel) {
    return voxel.map((value, axis) => {
      const [first, end] = this.reference.base.range(axis);
      return Math.min(Math.max(Math.floor(value), first), end - 1);
    });
  }

  /** The crosshair in nanometres: the middle of its voxel. */
  get at() {
    const { resolution } = this.reference.base;
    return this.state.at.map((voxel, axis) => (voxel + 0.5) * resolution[axis]);
  }

  /** The middle of the planes in nanometres. */
  get centre() {
    const { centre } = this.state;
    const { resolution } = this.reference.base;
    return centre ? centre.map((voxel, axis) => voxel * resolution[axis]) : this.at;
  }

  /** Moves the crosshair to a voxel; the planes follow if it would be out of sight. */
  moveTo(voxel, { follow = "edge" } = {}) {
    const at = this.#inside(voxel);
    // Without a middle of their own, the planes would move with each click.
    const centre = this.state.centre ?? this.#voxels(this.at);
    this.state.change({ at, centre: follow === "centre" ? null : centre });
    if (follow === "edge") this.dispatchEvent(new Event("moved"));
  }

  /** Moves the crosshair to a place. */
  moveToNm(nm, options) {
    const { base } = this.reference;
    this.moveTo(nm.map((value, axis) => base.voxel(axis, value)), options);
  }

  /** Moves the crosshair along an axis by so many voxels. */
  step(axis, count) {
    const voxel = [...this.state.at];
    voxel[axis] += count;
    this.moveTo(voxel);
  }

  /** Moves the planes. */
  setCentre(nm) {
    this.state.change({ centre: this.#voxels(nm) });
  }

  #voxels(nm) {
    const { resolution } = this.reference.base;
    return nm.map((value, axis) => value / resolution[axis]);
  }

  /** Zooms so that the place `fixed` stays where it is in the plane of `axes`. */
  zoomTo(zoom, axes, fixed) {
    const old = this.state.zoom;
    const next = Math.min(Math.max(zoom, ZOOMS[0]), ZOOMS[1]);
    const centre = [...this.centre];
    axes.forEach((axis, n) => {
      centre[axis] = fixed[n] + (centre[axis] - fixed[n]) * (next / old);
    });
    this.state.change({ zoom: next, centre: this.#voxels(centre) });
  }

  /** Shows all of the volume in planes of so many pixels: `[{axes, size: [width, height]}]`. */
  fit(planes) {
    const { base } = this.reference;
    const span = (axis) => base.extent(axis)[1] - base.extent(axis)[0];
    const zooms = planes.flatMap(({ axes, size }) => axes.map((axis, side) => span(axis) / size[side]));
    const middle = [0, 1, 2].map((axis) => (base.range(axis)[0] + base.range(axis)[1]) / 2);
    this.state.change({ zoom: Math.max(...zooms) * 1.08, centre: middle });
  }
}
