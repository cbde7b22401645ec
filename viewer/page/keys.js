// What keys do. Those that move speak of the plane that has the focus, or of the first.

/** A field that wants the keys for itself. */
function isTyping(target) {
  if (target.closest?.("dialog, select, textarea")) return true;
  return target.tagName === "INPUT" && !["checkbox", "button"].includes(target.type);
}

export function listenToKeys(app) {
  const { scene } = app;
  const focused = () =>
    app.planes.find((plane) => plane.root.contains(document.activeElement)) ??
    app.planes.find((plane) => !plane.isHidden);
  const move = (side, count) => (plane, event) =>
    scene.step(plane.axes[side], event.shiftKey ? count * 10 : count);
  const slice = (count) => (plane, event) => app.step(plane, event.shiftKey ? count * 10 : count);
  const zoom = (factor) => (plane) => {
    const { at } = scene;
    // The crosshair stays where it is, if it can be seen.
    const fixed = plane.sees(at, 0) ? at : scene.centre;
    scene.zoomTo(scene.state.zoom * factor, plane.axes, plane.axes.map((axis) => fixed[axis]));
  };
  const enlarge = (name) => () => {
    const { large } = scene.state;
    scene.state.change({ large: large === name ? null : name });
  };
  const actions = {
    ArrowLeft: move(0, -1),
    ArrowRight: move(0, 1),
    ArrowUp: move(1, -1),
    ArrowDown: move(1, 1),
    ",": slice(-1),
    ".": slice(1),
    "<": slice(-1),
    ">": slice(1),
    PageUp: slice(-1),
    PageDown: slice(1),
    "+": zoom(1 / Math.SQRT2),
    "=": zoom(1 / Math.SQRT2),
    "-": zoom(Math.SQRT2),
    f: () => app.fit(),
    c: () => scene.state.change({ centre: null }),
    s: (plane) => app.toggleLabel(plane, scene.at),
    a: () => app.panel.auto(),
    l: () => app.bar.copyLink(),
    n: () => app.bar.openNeuroglancer(),
    t: () => app.theme.toggle(),
    1: enlarge("xy"),
    2: enlarge("yz"),
    3: enlarge("xz"),
    Escape: () => scene.state.large && scene.state.change({ large: null }),
    "?": () => app.bar.help(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const action = actions[key];
    const plane = focused();
    // Without a plane that is shown there is nothing to move; the help is always there.
    if (!action || ((!plane || !scene.reference || !scene.state.zoom) && key !== "?" && key !== "t")) return;
    event.preventDefault();
    action(plane, event);
  });
}

