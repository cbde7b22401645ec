// Making elements.

/** An element with attributes and children: `make("p", { class: "note" }, "text", child)`. */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value != null) element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/** Paths of the icons, each in a square of 24. */
const ICONS = {
  eye: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 9.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6z",
  hidden: "M4 4l16 16M6.5 7.5C4 9.2 2.5 12 2.5 12S6 18.5 12 18.5c1.7 0 3.2-.5 4.5-1.2M10 5.7c.6-.1 1.3-.2 2-.2 6 0 9.5 6.5 9.5 6.5s-.9 1.7-2.5 3.3",
  close: "M6 6l12 12M18 6L6 18",
  up: "M12 19V6M6 11.5L12 5.5l6 6",
};

/** One of the icons. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** Sets the value of a field that nobody is typing into. */
export function setValue(field, value) {
  const text = String(value);
  if (field !== document.activeElement && field.value !== text) field.value = text;
}

let noteTimer = 0;

/** Says something for a while at the bottom of the page. */
export function note(text) {
  const element = document.getElementById("note");
  element.textContent = text;
  element.hidden = false;
  clearTimeout(noteTimer);
  noteTimer = setTimeout(() => (element.hidden = true), 2500);
}
