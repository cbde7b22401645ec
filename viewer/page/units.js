// Lengths in words: nanometres in, "1.5 µm" out.

const UNITS = [
  ["mm", 1e6],
  ["µm", 1e3],
  ["nm", 1],
  ["pm", 1e-3],
];

/** A length in the largest unit in which it is at least 1. */
export function length(nm, digits = 3) {
  const size = Math.abs(nm);
  const [name, unit] = UNITS.find(([, unit]) => size >= unit) ?? (size === 0 ? UNITS[2] : UNITS[3]);
  return `${number(nm / unit, digits)} ${name}`;
}

/** A number with so many digits at most, and no zeros at its end. */
export function number(value, digits = 4) {
  if (!Number.isFinite(value)) return String(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return String(value);
  const text = Number(value.toPrecision(digits));
  return Math.abs(text) >= 1e9 || Math.abs(text) < 1e-6 ? text.toExponential() : String(text);
}

/** The longest of 1, 2, 5, 10, 20 … nm that is not longer than `nm`. */
export function roundLength(nm) {
  const power = 10 ** Math.floor(Math.log10(nm));
  return [5, 2, 1].map((step) => step * power).find((step) => step <= nm * (1 + 1e-9)) ?? power;
}
