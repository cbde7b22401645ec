// What is seen, all of it: layers, place, zoom, contrast, selection. The address of the page holds it.

import { escapeName, setToken } from "./server.js";

/** A volume as it is shown. */
export function newLayer(volume) {
  return {
    volume,
    visible: true,
    /** null until the volume is known. */
    opacity: null,
    /** The values that are black and white; null until they are found from what is seen. */
    window: null,
    /** A number, "rgb", or null for what suits the volume. */
    channel: null,
    /** Labels, as text. */
    selected: [],
  };
}

export class State extends EventTarget {
  /** From the bottom to the top. */
  layers = [];
  /** The voxel of the crosshair, in the finest scale of the first layer; null until there is one. */
  at = null;
  /** The place in the middle of the planes, in those voxels; null for the crosshair. */
  centre = null;
  /** Nanometres per pixel of the page; null for all of the volume. */
  zoom = null;
  /** The plane that has all the room, if one has. */
  large = null;

  /** Changes some of it. */
  change(part) {
    Object.assign(this, part);
    this.dispatchEvent(new Event("change"));
  }

  /** Changes some of a layer. */
  changeLayer(layer, part) {
    Object.assign(layer, part);
    this.dispatchEvent(new Event("change"));
  }

  toggleLabel(layer, label) {
    const others = layer.selected.filter((other) => other !== label);
    const isNew = others.length === layer.selected.length;
    this.changeLayer(layer, { selected: isNew ? [...others, label] : others });
  }

  /** As JSON has it. */
  toJSON() {
    const { layers, at, centre, zoom, large } = this;
    return structuredClone({ layers, at, centre, zoom, large });
  }
}

const short = (value, digits) => String(Number(value.toFixed(digits)));

/** The state as the part of an address after `#`. */
export function toHash(state) {
  const parts = [];
  if (state.at) parts.push(`at=${state.at.join(",")}`);
  if (state.centre) parts.push(`centre=${state.centre.map((v) => short(v, 2)).join(",")}`);
  if (state.zoom) parts.push(`zoom=${Number(state.zoom.toPrecision(6))}`);
  if (state.large) parts.push(`plane=${state.large}`);
  for (const layer of state.layers) {
    const words = [escapeName(layer.volume).replaceAll("~", "%7E")];
    if (!layer.visible) words.push("hidden");
    if (layer.opacity !== null) words.push(`opacity:${short(layer.opacity, 2)}`);
    if (layer.window) words.push(`window:${layer.window.join(",")}`);
    if (layer.channel !== null) words.push(`channel:${layer.channel}`);
    if (layer.selected.length > 0) words.push(`select:${layer.selected.join(",")}`);
    parts.push(`layer=${words.join("~")}`);
  }
  return parts.join("&");
}

function numbers(text, count) {
  const found = text.split(",").map(Number);
  return found.length === count && found.every(Number.isFinite) ? found : null;
}

function parseLayer(text) {
  const [name, ...words] = text.split("~");
  const layer = newLayer(decodeURIComponent(name));
  for (const word of words) {
    const [key, ...rest] = word.split(":");
    const value = decodeURIComponent(rest.join(":"));
    if (key === "hidden") layer.visible = false;
    else if (key === "opacity") layer.opacity = Math.min(Math.max(Number(value) || 0, 0), 1);
    else if (key === "window") layer.window = numbers(value, 2);
    else if (key === "channel") layer.channel = value === "rgb" ? "rgb" : Number(value) || 0;
    else if (key === "select") layer.selected = value.split(",").filter((v) => /^\d+$/.test(v));
  }
  return layer;
}

/** The state that an address tells; what it does not tell is as it is at first. */
export function fromHash(hash) {
  const state = { layers: [], at: null, centre: null, zoom: null, large: null };
  for (const part of hash.replace(/^#/, "").split("&")) {
    const [key, ...rest] = part.split("=");
    const value = rest.join("=");
    try {
      if (key === "token") setToken(decodeURIComponent(value));
      else if (key === "at") state.at = numbers(value, 3)?.map(Math.floor) ?? null;
      else if (key === "centre") state.centre = numbers(value, 3);
      else if (key === "zoom") state.zoom = Number(value) > 0 ? Number(value) : null;
      else if (key === "plane" && ["xy", "xz", "yz"].includes(value)) state.large = value;
      else if (key === "layer" && value) state.layers.push(parseLayer(value));
    } catch {
      // A broken escape: the rest may still be good.
    }
  }
  return state;
}
