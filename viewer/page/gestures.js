// What a hand does in a plane: drag, wheel, pinch, tap, double tap. Mouse, pen and fingers alike.

/** Pixels that a finger may tremble in a tap. */
const TREMBLE = 5;
/** Milliseconds between the taps of a double tap; the system knows those of a double click. */
const DOUBLE = 350;
/** Pixels of a wheel that double the zoom, and that are a step. */
const WHEEL = { zoom: 240, step: 60 };

/**
 * Calls `on.pan(dx, dy)`, `on.zoom(factor, x, y)`, `on.step(count)`, `on.tap(x, y)`,
 * `on.double(x, y)`, `on.hover(x, y)` and `on.leave()`, in pixels from the element's corner.
 */
export function listen(element, on) {
  const pointers = new Map();
  let moved = 0;
  let lastTap = { time: -Infinity, x: 0, y: 0 };
  let lastType = "";
  let wheel = 0;

  const place = (event) => {
    const box = element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const middle = () => {
    const all = [...pointers.values()];
    const mean = (n) => all.reduce((sum, at) => sum + at[n], 0) / all.length;
    const [x, y] = [mean(0), mean(1)];
    const spread = all.reduce((sum, at) => sum + Math.hypot(at[0] - x, at[1] - y), 0) / all.length;
    return { x, y, spread };
  };

  element.addEventListener("pointerdown", (event) => {
    if (event.button > 1) return;
    element.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, place(event));
    moved = pointers.size === 1 ? 0 : Infinity;
    element.focus({ preventScroll: true });
  });

  element.addEventListener("pointermove", (event) => {
    const at = place(event);
    if (!pointers.has(event.pointerId)) {
      on.hover(...at);
      return;
    }
    const before = middle();
    const [x, y] = pointers.get(event.pointerId);
    pointers.set(event.pointerId, at);
    moved += Math.hypot(at[0] - x, at[1] - y);
    if (moved <= TREMBLE) return;
    element.classList.add("is-dragged");
    const after = middle();
    on.pan(after.x - before.x, after.y - before.y);
    if (before.spread > 0 && after.spread > 0) {
      on.zoom(before.spread / after.spread, after.x, after.y);
    }
    if (event.pointerType === "mouse") on.hover(...at);
  });

  const end = (event) => {
    if (!pointers.delete(event.pointerId)) return;
    element.classList.remove("is-dragged");
    if (event.type !== "pointerup" || moved > TREMBLE || pointers.size > 0) return;
    const [x, y] = place(event);
    lastType = event.pointerType;
    const isSecond =
      lastType !== "mouse" &&
      event.timeStamp - lastTap.time < DOUBLE &&
      Math.hypot(x - lastTap.x, y - lastTap.y) < 24;
    lastTap = isSecond ? { time: -Infinity, x, y } : { time: event.timeStamp, x, y };
    if (isSecond) on.double(x, y);
    else on.tap(x, y);
  };
  element.addEventListener("pointerup", end);
  element.addEventListener("pointercancel", end);
  element.addEventListener("dblclick", (event) => {
    if (lastType === "mouse") on.double(...place(event));
  });
  element.addEventListener("pointerleave", () => on.leave());

  element.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const unit = [1, 20, 200][event.deltaMode] ?? 1;
      // With shift some systems turn the wheel into a horizontal one.
      const turned = (event.deltaY || event.deltaX) * unit;
      if (event.shiftKey) {
        wheel += turned;
        const steps = Math.trunc(wheel / WHEEL.step);
        wheel -= steps * WHEEL.step;
        if (steps !== 0) on.step(steps);
        return;
      }
      // A pinch on a touchpad comes as a wheel with ctrl, of small numbers.
      const strength = event.ctrlKey ? 8 : 1;
      on.zoom(2 ** ((turned * strength) / WHEEL.zoom), ...place(event));
    },
    { passive: false },
  );
}
