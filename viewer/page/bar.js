// The bar at the top: the position, and buttons.

import { neuroglancerLink } from "./neuroglancer.js";
import { note, setValue } from "./dom.js";
import { AXES } from "./scene.js";
import { length, number } from "./units.js";

const byId = (id) => document.getElementById(id);

export class Bar {
  constructor(app) {
    this.app = app;
    this.fields = AXES.map((axis) => byId(`at-${axis}`));
    this.fields.forEach((field, axis) => {
      field.addEventListener("change", () => this.#go(axis, field));
      field.addEventListener("paste", (event) => this.#paste(event));
    });
    byId("position").addEventListener("submit", (event) => event.preventDefault());
    byId("fit").addEventListener("click", () => app.fit());
    byId("copy").addEventListener("click", () => this.copyLink());
    byId("theme").addEventListener("click", () => app.theme.toggle());
    byId("open").addEventListener("click", () => this.openNeuroglancer());
    byId("help").addEventListener("click", () => this.help());
  }

  #go(axis, field) {
    const { scene } = this.app;
    if (!scene.state.at || field.value === "" || !Number.isFinite(field.valueAsNumber)) return;
    const voxel = [...scene.state.at];
    voxel[axis] = Math.floor(field.valueAsNumber);
    scene.moveTo(voxel);
    field.value = scene.state.at[axis];
  }

  /** Three numbers at once, as others write positions. */
  #paste(event) {
    const found = event.clipboardData.getData("text").match(/-?\d+(\.\d+)?/g);
    if (found?.length !== 3 || !this.app.scene.state.at) return;
    event.preventDefault();
    event.target.blur();
    this.app.scene.moveTo(found.map(Number), { follow: "centre" });
  }

  update() {
    const { scene } = this.app;
    const { reference, state } = scene;
    if (!reference || !state.at) return;
    this.fields.forEach((field, axis) => {
      const [first, end] = reference.base.range(axis);
      field.min = first;
      field.max = end - 1;
      setValue(field, state.at[axis]);
    });
    byId("nm").textContent = `${scene.at.map((nm) => number(nm, 7)).join(", ")} nm`;
    byId("zoom").textContent = state.zoom ? `${length(state.zoom)} per pixel` : "";
  }

  async copyLink() {
    this.app.writeHash();
    try {
      await navigator.clipboard.writeText(location.href);
      note("The link to this view is copied.");
    } catch {
      // Not allowed, or not a secure page: the address bar has it too.
      note("The address of this page is the link to this view.");
    }
  }

  async openNeuroglancer() {
    const { scene, theme } = this.app;
    if (!scene.reference) return;
    // Opened at once: a browser takes a window that comes later for an advertisement.
    const opened = window.open("about:blank", "_blank");
    if (opened) opened.opener = null;
    try {
      const link = await neuroglancerLink(scene, theme.isLight);
      if (opened) opened.location.replace(link);
      else location.assign(link);
    } catch (error) {
      opened?.close();
      note(`The server does not say where neuroglancer is: ${error.message}.`);
    }
  }

  help() {
    const dialog = byId("keys");
    if (dialog.open) dialog.close();
    else dialog.showModal();
  }
}
