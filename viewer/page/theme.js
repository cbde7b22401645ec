// Light and dark: as the system has it, or as it was chosen here.

const CHOICE = "bigarrays-theme";
const system = matchMedia("(prefers-color-scheme: dark)");

export class Theme extends EventTarget {
  constructor() {
    super();
    system.addEventListener("change", () => this.#apply());
    this.#apply();
  }

  get name() {
    let chosen = null;
    try {
      chosen = localStorage.getItem(CHOICE);
    } catch {
      // A browser that keeps nothing for pages.
    }
    return chosen === "light" || chosen === "dark" ? chosen : system.matches ? "dark" : "light";
  }

  toggle() {
    const next = this.isLight ? "dark" : "light";
    try {
      localStorage.setItem(CHOICE, next);
    } catch {
      // Then it lasts as long as the page.
    }
    document.documentElement.dataset.theme = next;
    this.#read();
  }

  #apply() {
    document.documentElement.dataset.theme = this.name;
    this.#read();
  }

  /** The colours that are painted on canvases; the style sheet has them. */
  #read() {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    this.isLight = document.documentElement.dataset.theme === "light";
    this.outside = colour("outside");
    this.waiting = colour("waiting");
    this.edge = colour("edge");
    this.failed = colour("failed");
    this.failedBack = colour("failed-back");
    this.accent = colour("accent");
    this.faint = colour("faint");
    this.axes = ["x", "y", "z"].map((axis) => colour(`axis-${axis}`));
    this.dispatchEvent(new Event("change"));
  }
}
