// The fourth quarter: a card for each layer, and what else the server has.

import { css, labelColour } from "./colours.js";
import { histogram, suitableWindow, windowOf } from "./contrast.js";
import { icon, make, setValue } from "./dom.js";
import { channelOf, valueAt } from "./layers.js";
import { newLayer } from "./state.js";
import { length, number } from "./units.js";

/** Steps of the two handles of a contrast. */
const STEPS = 1000;

const shortest = (value) => Number(value.toPrecision(6));

/** A square of a label's colour. */
export function swatch(label) {
  const element = make("span", { class: "swatch", "aria-hidden": "true" });
  element.style.background = label === "0" ? "transparent" : css(labelColour(label));
  return element;
}

/** What all cards have: a head with name and buttons, and a slider for the opacity. */
class Card {
  constructor(app, layer) {
    this.app = app;
    this.layer = layer;
    const { state } = app.scene;
    const name = layer.volume;
    this.eye = make("button", { class: "icon", type: "button" });
    this.eye.addEventListener("click", () => this.change({ visible: !layer.visible }));
    this.up = make("button", { class: "icon", type: "button", title: "Move to the top", "aria-label": `Move ${name} to the top` }, icon("up"));
    this.up.addEventListener("click", () => {
      app.scene.setLayers([...state.layers.filter((other) => other !== layer), layer]);
    });
    const close = make("button", { class: "icon", type: "button", title: "Remove", "aria-label": `Remove ${name}` }, icon("close"));
    close.addEventListener("click", () => {
      app.scene.setLayers(state.layers.filter((other) => other !== layer));
    });
    this.facts = make("span", { class: "facts" }, "opening …");
    this.body = make("div", { class: "body" });
    const head = make("header", {}, this.eye, make("h3", { title: name }, name), this.facts, this.up, close);
    this.root = make("section", { class: "card", "aria-label": `layer ${name}` }, head, this.body);
  }

  change(part) {
    this.app.scene.state.changeLayer(this.layer, part);
  }

  /** Fills the card when the volume is known. */
  fill() {
    const { volume, error } = this.app.scene.status(this.layer);
    if ((volume ?? error) === this.filled) return;
    this.filled = volume ?? error;
    if (error) {
      const again = make("button", { type: "button" }, "Try again");
      again.addEventListener("click", () => this.app.scene.reopen(this.layer.volume));
      this.facts.textContent = "";
      this.body.replaceChildren(make("p", { class: "failure", role: "alert" }, `Cannot be opened: ${error.message}`), again);
    } else if (volume) {
      this.volume = volume;
      const { size, resolution } = volume.base;
      const channels = volume.channels > 1 ? ` × ${volume.channels}` : "";
      this.facts.textContent = `${volume.type}${channels}`;
      this.root.title = `${size.join(" × ")} voxels of ${resolution.map((nm) => length(nm)).join(" × ")}, ${volume.scales.length} scales`;
      this.body.replaceChildren(this.#value(), ...this.controls(), this.#opacity());
    }
  }

  controls() {
    return [];
  }

  #value() {
    this.value = make("output", { class: "value" });
    return make("div", { class: "row" }, make("span", { class: "name" }, this.volume.hasLabels ? "Label" : "Value"), this.value);
  }

  #opacity() {
    this.slider = make("input", { type: "range", min: 0, max: 100, "aria-label": `Opacity of ${this.layer.volume}` });
    this.slider.addEventListener("input", () => this.change({ opacity: this.slider.value / 100 }));
    this.percent = make("output", { class: "percent" });
    return make("label", { class: "row" }, make("span", { class: "name" }, "Opacity"), this.slider, this.percent);
  }

  /** Shows the state. */
  update() {
    this.fill();
    const { visible, opacity, volume } = this.layer;
    this.root.classList.toggle("is-hidden", !visible);
    const verb = visible ? "Hide" : "Show";
    if (this.eye.title !== verb) {
      this.eye.replaceChildren(icon(visible ? "eye" : "hidden"));
      this.eye.title = verb;
      this.eye.setAttribute("aria-label", `${verb} ${volume}`);
      this.eye.setAttribute("aria-pressed", String(visible));
    }
    this.up.hidden = this.app.scene.state.layers.at(-1) === this.layer;
    if (!this.volume) return;
    const percent = Math.round(opacity * 100);
    if (document.activeElement !== this.slider || !this.slider.matches(":active")) this.slider.value = percent;
    this.percent.textContent = `${percent} %`;
    this.#showValue();
  }

  #showValue() {
    const { scene } = this.app;
    const plane = this.app.planes.find((plane) => !plane.isHidden);
    if (!plane || !scene.state.at || !scene.state.zoom) return;
    const found = valueAt(plane, this.layer, this.volume, scene.at);
    const words = found.state === "outside" ? "outside" : found.text;
    const key = `${found.state} ${words} ${found.scale}`;
    if (key === this.shownValue) return;
    this.shownValue = key;
    const parts = [make("span", { class: "text" }, words)];
    if (found.label) parts.unshift(swatch(found.label));
    if (found.scale > 0) parts.push(make("span", { class: "facts" }, `scale ${found.scale}`));
    this.value.replaceChildren(...parts);
    this.value.classList.toggle("is-failed", found.state === "failed");
  }
}

class ImageCard extends Card {
  controls() {
    const { layer } = this;
    const handle = (end) => {
      const input = make("input", { type: "range", class: end === 0 ? "black" : "white", min: 0, max: STEPS, "aria-label": `${end === 0 ? "Black" : "White"} of ${layer.volume}` });
      input.addEventListener("input", () => {
        const { from, to } = this.domain;
        this.#set(end, from + ((to - from) * input.value) / STEPS);
      });
      return input;
    };
    const field = (end) => {
      const words = `Value that is ${end === 0 ? "black" : "white"} in ${layer.volume}`;
      const input = make("input", { type: "number", step: "any", class: "number", "aria-label": words, title: words });
      input.addEventListener("change", () => {
        if (input.value !== "") this.#set(end, Number(input.value));
      });
      return input;
    };
    this.canvas = make("canvas", { width: 256, height: 48, "aria-hidden": "true" });
    this.handles = [handle(0), handle(1)];
    this.fields = [field(0), field(1)];
    const auto = make("button", { type: "button", title: "Black and white from what is seen (A)" }, "Auto");
    auto.addEventListener("click", () => this.auto());
    const rows = [
      make("div", { class: "contrast" }, this.canvas, ...this.handles),
      make("div", { class: "row" }, make("span", { class: "name" }, "Contrast"), this.fields[0], make("span", { class: "to" }, "–"), this.fields[1], auto),
    ];
    if (this.volume.channels > 1) rows.push(this.#channels());
    return rows;
  }

  #channels() {
    this.choice = make("select", { "aria-label": `Channel of ${this.layer.volume}` });
    if (this.volume.channels >= 3) this.choice.append(make("option", { value: "rgb" }, "red, green, blue"));
    for (let n = 0; n < this.volume.channels; n++) this.choice.append(make("option", { value: n }, `${n}`));
    this.choice.addEventListener("change", () => {
      this.change({ channel: this.choice.value === "rgb" ? "rgb" : Number(this.choice.value) });
    });
    return make("label", { class: "row" }, make("span", { class: "name" }, "Channel"), this.choice);
  }

  #set(end, value) {
    const window = [...(windowOf(this.layer) ?? [0, 1])];
    window[end] = shortest(value);
    this.change({ window });
  }

  auto() {
    const window = suitableWindow(this.app.planes, this.layer);
    if (window) this.change({ window: window.map(shortest) });
  }

  update() {
    super.update();
    const window = windowOf(this.layer);
    if (!this.volume || !window) return;
    if (this.choice) this.choice.value = String(channelOf(this.layer, this.volume));
    const seen = this.seen ?? { from: window[0], to: window[1], bins: [] };
    // While a handle is held, the ground below it stays.
    const isHeld = this.handles.some((handle) => handle.matches(":active"));
    if (!isHeld || !this.domain) {
      this.domain = { from: Math.min(seen.from, ...window), to: Math.max(seen.to, ...window) };
      if (this.domain.from === this.domain.to) this.domain.to += 1;
    }
    const { from, to } = this.domain;
    window.forEach((value, end) => {
      setValue(this.fields[end], shortest(value));
      this.handles[end].value = Math.round(((value - from) / (to - from)) * STEPS);
      this.handles[end].setAttribute("aria-valuetext", number(value));
    });
    this.#draw(seen, window);
  }

  /** Looks at what is seen now. */
  look() {
    if (!this.volume || !this.layer.visible) return;
    this.seen = histogram(this.app.planes, this.layer, this.volume) ?? this.seen;
    this.update();
  }

  #draw({ from, to, bins }, window) {
    const { canvas, domain, app } = this;
    const context = canvas.getContext("2d");
    const { width, height } = canvas;
    const x = (value) => ((value - domain.from) / (domain.to - domain.from)) * width;
    context.clearRect(0, 0, width, height);
    const [black, white] = window.map(x);
    const ramp = context.createLinearGradient(black, 0, white === black ? black + 1 : white, 0);
    ramp.addColorStop(0, "#000");
    ramp.addColorStop(1, "#fff");
    context.fillStyle = ramp;
    context.fillRect(0, height - 8, width, 8);
    bins.forEach((share, n) => {
      const left = x(from + ((to - from) * n) / bins.length);
      const right = x(from + ((to - from) * (n + 1)) / bins.length);
      const isWithin = left >= Math.min(black, white) - 1 && right <= Math.max(black, white) + 1;
      context.fillStyle = isWithin ? app.theme.accent : app.theme.faint;
      const tall = share * (height - 12);
      context.fillRect(left, height - 10 - tall, Math.max(right - left - 0.5, 0.5), tall);
    });
  }
}

class LabelCard extends Card {
  controls() {
    const { layer, app } = this;
    this.chips = make("ul", { class: "chips", "aria-label": `Selected labels of ${layer.volume}` });
    this.hint = make("p", { class: "hint" }, "Double-click a label to select it.");
    this.field = make("input", { type: "text", inputmode: "numeric", pattern: "[0-9, ]*", placeholder: "label", class: "number wide", "aria-label": "Labels to select", autocomplete: "off" });
    const form = make("form", { class: "row" }, make("span", { class: "name" }, "Selected"), this.field, make("button", { type: "submit" }, "Add"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const wanted = this.field.value.split(/[\s,]+/).filter((label) => /^\d{1,20}$/.test(label));
      const labels = wanted.map((label) => String(BigInt(label)));
      this.change({ selected: [...new Set([...layer.selected, ...labels])] });
      this.field.value = "";
    });
    this.clear = make("button", { type: "button" }, "Clear");
    this.clear.addEventListener("click", () => this.change({ selected: [] }));
    form.append(this.clear);
    this.toggle = (label) => app.scene.state.toggleLabel(layer, label);
    return [form, this.chips, this.hint];
  }

  update() {
    super.update();
    if (!this.volume || this.listed === this.layer.selected) return;
    const { selected } = this.layer;
    this.listed = selected;
    this.hint.hidden = selected.length > 0;
    this.clear.hidden = selected.length === 0;
    this.chips.hidden = selected.length === 0;
    const chip = (label) => {
      const button = make("button", { type: "button", title: "Do not select", "aria-label": `Do not select ${label}` }, swatch(label), label, icon("close"));
      button.addEventListener("click", () => this.toggle(label));
      return make("li", {}, button);
    };
    this.chips.replaceChildren(...selected.map(chip));
  }
}

/** The cards of all layers. */
export class Panel {
  #cards = new Map();

  constructor(app) {
    this.app = app;
    this.root = document.getElementById("layers");
    this.choice = document.getElementById("add");
    this.choice.addEventListener("change", () => this.#add(this.choice.value));
  }

  #add(name) {
    const { state, list } = this.app.scene;
    const entry = list.find((listed) => listed.name === name);
    if (!entry) return;
    const layer = newLayer(name);
    // An image that covers all others would be no overlay.
    if (entry.kind !== "segmentation" && state.layers.length > 0) layer.opacity = 0.5;
    this.app.scene.setLayers([...state.layers, layer]);
  }

  card(layer) {
    return this.#cards.get(layer);
  }

  #make(layer) {
    const { volume } = this.app.scene.status(layer);
    const said = this.app.scene.list.find((entry) => entry.name === layer.volume)?.kind;
    const isLabels = volume ? volume.hasLabels : said === "segmentation";
    return new (isLabels ? LabelCard : ImageCard)(this.app, layer);
  }

  /** Makes, removes and orders cards, and shows the state in them; the top layer comes first. */
  update() {
    const { layers } = this.app.scene.state;
    const cards = new Map();
    for (const layer of [...layers].reverse()) {
      let card = this.#cards.get(layer);
      const { volume } = this.app.scene.status(layer);
      const isWrong = card && volume && volume.hasLabels !== card instanceof LabelCard;
      if (!card || isWrong) card = this.#make(layer);
      cards.set(layer, card);
    }
    this.#cards = cards;
    const roots = [...cards.values()].map((card) => card.root);
    const isSame = roots.length === this.root.children.length && roots.every((root, n) => root === this.root.children[n]);
    if (!isSame) this.root.replaceChildren(...roots);
    for (const card of cards.values()) card.update();
    this.#offer();
  }

  /** The volumes that are not layers yet. */
  #offer() {
    const shown = new Set(this.app.scene.state.layers.map((layer) => layer.volume));
    const names = this.app.scene.list.map(({ name }) => name).filter((name) => !shown.has(name));
    const key = names.join("\n");
    if (key === this.offered) return;
    this.offered = key;
    const options = names.map((name) => make("option", { value: name }, name));
    this.choice.replaceChildren(make("option", { value: "" }, "Add a layer …"), ...options);
    this.choice.hidden = names.length === 0;
  }

  /** Looks at the values that are seen now. */
  look() {
    for (const card of this.#cards.values()) if (card instanceof ImageCard) card.look();
  }

  /** Black and white of all images from what is seen. */
  auto() {
    for (const card of this.#cards.values()) if (card instanceof ImageCard && card.layer.visible) card.auto();
  }
}
