// `window.bigarrays`: what tests, and the curious in a console, may ask and do. It is kept as it is
// described in viewer/README.md.

import { labelColour } from "./colours.js";
import { valueAt } from "./layers.js";
import { neuroglancerLink, neuroglancerState } from "./neuroglancer.js";

/** Plain values: `BigInt`s become text. */
const plain = (value) =>
  JSON.parse(JSON.stringify(value, (_, part) => (typeof part === "bigint" ? String(part) : part)));

export function install(app) {
  const { scene, tiles } = app;
  const planeOf = (name) => app.planes.find((plane) => plane.name === name);

  window.bigarrays = {
    /** Layers, place, zoom, which plane is large: what the address holds, and the volumes' names. */
    state: () => plain({ ...scene.state.toJSON(), volumes: scene.list }),

    /** Changes the state: `{at, centre, zoom, large}`, and `layers` by position, merged. */
    set({ layers, ...rest }) {
      layers?.forEach((part, n) => Object.assign(scene.state.layers[n] ?? {}, part));
      scene.state.change(rest);
    },

    /**
     * What each drawn layer has at a voxel of the finest scale (the crosshair's by default), as the
     * plane shows it: `[{layer, state, text, label, scale, voxel, error}]`.
     */
    voxelAt(voxel = scene.state.at, plane = "xy") {
      const { resolution } = scene.reference.base;
      const nm = voxel.map((value, axis) => (value + 0.5) * resolution[axis]);
      return scene.drawn.map(({ layer, volume }) =>
        plain({ layer: layer.volume, ...valueAt(planeOf(plane), layer, volume, nm) }),
      );
    },

    /** Where on the page the middle of a voxel is in a plane: `[x, y]`. */
    pixelOf(voxel = scene.state.at, plane = "xy") {
      const { resolution } = scene.reference.base;
      const shown = planeOf(plane);
      const box = shown.view.getBoundingClientRect();
      const [x, y] = shown.pixel(voxel.map((value, axis) => (value + 0.5) * resolution[axis]));
      return [box.left + x, box.top + y];
    },

    /** The scale that each layer shows in a plane. */
    scales(plane = "xy") {
      const { axes, ratio } = planeOf(plane);
      const zoom = scene.state.zoom / ratio;
      return scene.drawn.map(({ volume }) => volume.scaleFor(axes, zoom).index);
    },

    /** The message of each tile that could not be read, plane by plane. */
    failures: () =>
      Object.fromEntries(
        app.planes.map((plane) => [plane.name, plane.failures.map((tile) => tile.error.message)]),
      ),

    /** Resolves when all that is to be seen is drawn, or marked as failed. */
    idle: () => app.idle(),

    /** Tiles that are kept, their bytes, requests under way. */
    tiles: () => tiles.summary,

    labelColour,
    neuroglancerState: () => plain(neuroglancerState(scene, app.theme.isLight)),
    neuroglancerLink: () => neuroglancerLink(scene, app.theme.isLight),
  };
}
