// The same view in neuroglancer, which knows no crosshair of its own: its middle is ours.

import { address, escapeName, getConfig } from "./server.js";

/** Where neuroglancer is: the server says it. */
async function whereIsNeuroglancer() {
  const said = await getConfig();
  return new URL(said.neuroglancer, document.baseURI).href;
}

/** The state of neuroglancer for a scene. */
export function neuroglancerState(scene, isLight) {
  const { reference, state } = scene;
  const { resolution } = reference.base;
  const finest = Math.min(...resolution);
  const layers = state.layers.map((layer) => {
    const { volume } = scene.status(layer);
    const place = volume?.place ?? layer.volume;
    const source = `precomputed://${address(`../${escapeName(place)}`)}`;
    const common = { name: layer.volume, source, visible: layer.visible };
    if (volume?.hasLabels) {
      const selected = layer.selected.length > 0;
      const strength = { selectedAlpha: layer.opacity };
      return { ...common, type: "segmentation", tab: "segments", ...strength, ...(selected && { segments: layer.selected }) };
    }
    const range = layer.window && { shaderControls: { normalized: { range: layer.window } } };
    return { ...common, type: "image", opacity: layer.opacity, ...range };
  });
  const nm = 1e-9;
  return {
    dimensions: Object.fromEntries(["x", "y", "z"].map((name, axis) => [name, [resolution[axis] * nm, "m"]])),
    position: state.at.map((voxel) => voxel + 0.5),
    crossSectionScale: state.zoom / finest,
    projectionScale: (state.zoom / finest) * 1024,
    layers,
    layout: { xy: "xy", xz: "xz", yz: "yz" }[state.large] ?? "4panel",
    selectedLayer: { layer: state.layers.at(-1)?.volume, visible: true },
    ...(isLight && { crossSectionBackgroundColor: "#e6e8eb" }),
  };
}

/** The address of the same view in neuroglancer. */
export async function neuroglancerLink(scene, isLight) {
  const state = JSON.stringify(neuroglancerState(scene, isLight));
  return `${await whereIsNeuroglancer()}#!${encodeURIComponent(state)}`;
}
