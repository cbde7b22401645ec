// How a layer is painted, and what its voxels are.

import { windowOf } from "./contrast.js";
import { labelColour } from "./colours.js";
import { selection } from "./paint.js";
import { FAILED, LOADING, READY } from "./tiles.js";
import { labelText, text } from "./voxels.js";

const selections = new WeakMap();

function selectionOf(labels) {
  let found = selections.get(labels);
  if (!found) selections.set(labels, (found = selection(labels)));
  return found;
}

/** The channel that is shown: a number, or "rgb". */
export function channelOf(layer, volume) {
  if (layer.channel !== null) return layer.channel;
  return volume.channels === 3 || volume.channels === 4 ? "rgb" : 0;
}

/** How tiles of a layer are painted; `style` is another when they have to be painted anew. */
export function look(layer, volume) {
  if (volume.hasLabels) {
    const selected = selectionOf(layer.selected);
    return { style: `labels ${layer.selected}`, selected };
  }
  const window = windowOf(layer);
  if (!window) return null;
  const channel = channelOf(layer, volume);
  return { style: `image ${window} ${channel}`, window, channel };
}

/**
 * The voxel of a layer at a place in nanometres, as it is seen in a plane:
 * `{state, text, value, label, colour, scale, error}`; `state` is "outside", "ready", "loading" or
 * "failed".
 */
export function valueAt(plane, layer, volume, nm) {
  if ([0, 1, 2].some((axis) => !volume.contains(axis, nm[axis]))) return { state: "outside", text: "" };
  const { zoom } = plane.scene.state;
  const find = (scale, isAsked) => {
    const voxel = nm.map((value, axis) => scale.voxelInside(axis, value));
    const tile = isAsked
      ? plane.tiles.at(volume, scale, plane.axes, voxel)
      : plane.tiles.peek(volume, scale, plane.axes, voxel);
    return { tile, voxel };
  };
  const scale = volume.scaleFor(plane.axes, zoom / plane.ratio);
  let { tile, voxel } = find(scale, true);
  if (tile.state === FAILED) return { state: "failed", text: "not readable", error: tile.error };
  if (tile.state !== READY) {
    const coarse = find(volume.coarsest, false);
    if (!coarse.tile) return { state: LOADING, text: "…" };
    ({ tile, voxel } = coarse);
  }
  return describe(volume, tile, voxel, channelOf(layer, volume));
}

function describe(volume, tile, voxel, channel) {
  const found = { state: READY, scale: tile.scale.index, voxel };
  if (volume.hasLabels) {
    const value = tile.value(voxel);
    const label = labelText(volume.type, value);
    return { ...found, value, label, text: label, colour: labelColour(label) };
  }
  const channels = channel === "rgb" ? [0, 1, 2] : [channel];
  const values = channels.map((n) => tile.value(voxel, n) ?? tile.value(voxel, 0));
  return { ...found, value: values[0], text: values.map(text).join(", ") };
}
