// The page: makes the parts and connects them.

import { Bar } from "./bar.js";
import { setProvisional, suitableWindow, windowOf } from "./contrast.js";
import { make, setValue } from "./dom.js";
import { listen } from "./gestures.js";
import { install } from "./hook.js";
import { listenToKeys } from "./keys.js";
import { valueAt } from "./layers.js";
import { Panel, swatch } from "./panel.js";
import { Plane } from "./plane.js";
import { AXES, PLANES, Scene } from "./scene.js";
import { onUnauthorized, setToken } from "./server.js";
import { State, fromHash, toHash } from "./state.js";
import { Theme } from "./theme.js";
import { Tiles } from "./tiles.js";

class App {
  #frame = 0;
  #isDirty = false;
  #hashTimer = 0;
  #lookTimer = 0;
  #waiters = [];
  #hover = null;
  #isStarted = false;
  /** Whether the planes know how large they are. */
  #isMeasured = false;
  #hasDeclined = false;

  constructor() {
    this.theme = new Theme();
    this.tiles = new Tiles();
    this.scene = new Scene(new State());
    this.planes = Object.keys(PLANES).map((name) => new Plane(name, this.scene, this.tiles, this.theme));
    this.panel = new Panel(this);
    this.bar = new Bar(this);
    const { state } = this.scene;
    state.addEventListener("change", () => this.#changed());
    this.scene.addEventListener("moved", () => this.#follow());
    this.scene.addEventListener("volume", () => this.refresh());
    this.tiles.addEventListener("change", () => this.refresh());
    this.theme.addEventListener("change", () => this.refresh());
    addEventListener("hashchange", () => this.#readHash());
    const observer = new ResizeObserver(() => this.#resize());
    for (const plane of this.planes) {
      observer.observe(plane.view);
      this.#listen(plane);
    }
    listenToKeys(this);
    onUnauthorized(() => this.#askForToken());
    install(this);
  }

  async start() {
    this.#readHash();
    const message = document.getElementById("message");
    try {
      await this.scene.start();
      message.hidden = this.scene.state.layers.length > 0;
      message.textContent = "This server has no volumes.";
    } catch (error) {
      message.hidden = false;
      message.textContent = `The server's volumes cannot be listed: ${error.message}`;
    }
    this.#isStarted = true;
    this.refresh();
  }

  /** Resolves when nothing is left to be fetched or drawn. */
  idle() {
    return new Promise((resolve) => {
      this.#waiters.push(resolve);
      this.refresh();
    });
  }

  /** Draws in the next frame. */
  refresh() {
    this.#isDirty = true;
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#frame = 0;
    this.#isDirty = false;
    if (this.scene.reference && !this.scene.state.zoom) this.fit();
    for (const plane of this.planes) plane.draw();
    this.#findContrast();
    this.bar.update();
    this.panel.update();
    this.#updateHeads();
    this.#showHover();
    if (this.planes.some((plane) => plane.isStale)) this.refresh();
    if (this.#isSettled) {
      this.#lookTimer ||= setTimeout(() => {
        this.#lookTimer = 0;
        this.panel.look();
      }, 150);
      for (const resolve of this.#waiters.splice(0)) resolve();
    }
  }

  get #isSettled() {
    const isPlaced = this.#isMeasured && (!this.scene.reference || this.scene.state.zoom);
    const isKnown = this.#isStarted && !this.scene.isOpening && isPlaced;
    return isKnown && !this.#isDirty && this.tiles.isIdle;
  }

  /** Contrast of images that have none: at once from what is there, for good when all is. */
  #findContrast() {
    const isComplete = this.tiles.isIdle;
    for (const { layer, volume } of this.scene.drawn) {
      if (volume.hasLabels || layer.window || (windowOf(layer) && !isComplete)) continue;
      const window = suitableWindow(this.planes, layer);
      if (!window) continue;
      setProvisional(layer, window);
      if (isComplete) this.scene.state.changeLayer(layer, { window: window.map((v) => Number(v.toPrecision(6))) });
      else this.refresh();
    }
  }

  #resize() {
    this.#isMeasured = true;
    for (const plane of this.planes) plane.resize();
    this.refresh();
  }

  #changed() {
    document.body.dataset.large = this.scene.state.large ?? "";
    const names = this.scene.state.layers.map((layer) => layer.volume);
    document.title = [...names.slice(0, 3), "bigarrays"].join(" · ");
    this.refresh();
    clearTimeout(this.#hashTimer);
    // Browsers refuse to change the address with each frame.
    this.#hashTimer = setTimeout(() => this.writeHash(), 250);
  }

  /** Puts the state into the address. */
  writeHash() {
    clearTimeout(this.#hashTimer);
    const hash = `#${toHash(this.scene.state)}`;
    if (hash !== location.hash) history.replaceState(null, "", hash);
  }

  #readHash() {
    const told = fromHash(location.hash);
    const { state } = this.scene;
    // What an address does not tell, such as one with a token only, stays as it is.
    if (told.layers.length === 0) told.layers = state.layers;
    told.at ??= state.at;
    told.zoom ??= state.zoom;
    state.change(told);
  }

  /** Shows all of the volume. */
  fit() {
    const planes = this.planes.filter((plane) => !plane.isHidden);
    if (planes.length === 0 || !this.scene.reference) return;
    const size = ({ view }) => [view.clientWidth, view.clientHeight];
    this.scene.fit(planes.map((plane) => ({ axes: plane.axes, size: size(plane) })));
  }

  /** Steps through the slices of a plane. */
  step(plane, count) {
    plane.direction = Math.sign(count);
    this.scene.step(plane.normal, count);
  }

  /** Selects the label at a place, or no longer. */
  toggleLabel(plane, nm) {
    const { drawn, state } = this.scene;
    for (const { layer, volume } of [...drawn].reverse()) {
      const found = volume.hasLabels && valueAt(plane, layer, volume, nm);
      if (!found?.label || found.label === "0") continue;
      state.toggleLabel(layer, found.label);
      return;
    }
  }

  /** Keeps the crosshair in sight. */
  #follow() {
    const { at, centre } = this.scene;
    const moved = [...centre];
    for (const plane of this.planes) {
      if (plane.isHidden || plane.sees(at, 8)) continue;
      for (const axis of plane.axes) moved[axis] = at[axis];
    }
    if (String(moved) !== String(centre)) this.scene.setCentre(moved);
  }

  #listen(plane) {
    const { scene } = this;
    const isReady = () => scene.reference && scene.state.zoom;
    listen(plane.view, {
      pan: (dx, dy) => {
        if (!isReady()) return;
        const centre = [...scene.centre];
        centre[plane.axes[0]] -= dx * scene.state.zoom;
        centre[plane.axes[1]] -= dy * scene.state.zoom;
        scene.setCentre(centre);
      },
      zoom: (factor, x, y) => {
        if (!isReady()) return;
        const nm = plane.place(x, y);
        scene.zoomTo(scene.state.zoom * factor, plane.axes, plane.axes.map((axis) => nm[axis]));
      },
      step: (count) => isReady() && this.step(plane, count),
      tap: (x, y) => isReady() && scene.moveToNm(plane.place(x, y)),
      double: (x, y) => isReady() && this.toggleLabel(plane, plane.place(x, y)),
      hover: (x, y) => {
        this.#hover = { plane, x, y };
        this.refresh();
      },
      leave: () => {
        this.#hover = null;
        plane.setReadout([]);
      },
    });
    const part = (name) => plane.root.querySelector(`[data-part="${name}"]`);
    plane.head = { field: part("slice"), slider: part("slider") };
    part("back").addEventListener("click", () => this.step(plane, -1));
    part("on").addEventListener("click", () => this.step(plane, 1));
    part("large").addEventListener("click", () => {
      scene.state.change({ large: scene.state.large === plane.name ? null : plane.name });
    });
    for (const [control, event] of [[plane.head.field, "change"], [plane.head.slider, "input"]]) {
      control.addEventListener(event, () => {
        const value = control.valueAsNumber;
        if (!isReady() || !Number.isFinite(value)) return;
        this.step(plane, Math.floor(value) - scene.state.at[plane.normal]);
      });
    }
  }

  #updateHeads() {
    const { reference, state } = this.scene;
    if (!reference || !state.at) return;
    for (const plane of this.planes) {
      const [first, end] = reference.base.range(plane.normal);
      const { field, slider } = plane.head;
      for (const control of [field, slider]) {
        control.min = first;
        control.max = end - 1;
      }
      setValue(field, state.at[plane.normal]);
      slider.value = state.at[plane.normal];
      plane.view.setAttribute("aria-label", `${plane.name} plane, ${plane.axis} = ${state.at[plane.normal]}`);
      const button = plane.root.querySelector('[data-part="large"]');
      button.setAttribute("aria-pressed", String(state.large === plane.name));
    }
  }

  /** What is below the pointer. */
  #showHover() {
    const { scene } = this;
    if (!this.#hover || !scene.reference || !scene.state.zoom) return;
    const { plane, x, y } = this.#hover;
    const nm = plane.place(x, y);
    const { base } = scene.reference;
    const place = AXES.map((name, axis) => `${name} ${base.voxel(axis, nm[axis])}`).join("  ");
    const parts = [make("span", { class: "place" }, place)];
    for (const { layer, volume } of scene.drawn) {
      const found = valueAt(plane, layer, volume, nm);
      if (found.state === "outside") continue;
      const word = make("span", { class: `voxel is-${found.state}`, title: layer.volume }, found.text);
      if (found.label) word.prepend(swatch(found.label));
      parts.push(word);
    }
    plane.setReadout(parts);
  }

  /** Asks who we are; answers whether a token was given. */
  #askForToken() {
    // Who did not want to tell is not asked for each tile.
    if (this.#hasDeclined) return Promise.resolve(false);
    const dialog = document.getElementById("login");
    const form = dialog.querySelector("form");
    dialog.showModal();
    return new Promise((resolve) => {
      const done = (token) => {
        form.reset();
        this.#hasDeclined = token === "";
        resolve(token !== "");
      };
      form.onsubmit = () => {
        const token = form.elements.token.value.trim();
        setToken(token);
        done(token);
      };
      dialog.oncancel = () => done("");
    });
  }
}

new App().start();
