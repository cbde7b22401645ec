// The colour of a label. The rule, and values to compare with, are in viewer/README.md and
// viewer/colours.json; `label_colour` in cli/src/picture.rs is the same in Rust.

const round = Math.fround;

/** The low and high halves of a product of two 64-bit numbers, modulo 2^64. */
function multiply(low, high, otherLow, otherHigh, out) {
  const a = low & 0xffff;
  const b = low >>> 16;
  const c = otherLow & 0xffff;
  const d = otherLow >>> 16;
  const middle = b * c + ((a * c) >>> 16);
  const rest = a * d + (middle & 0xffff);
  const carry = b * d + Math.floor(middle / 65536) + Math.floor(rest / 65536);
  out[0] = Math.imul(low, otherLow) >>> 0;
  out[1] = (carry + Math.imul(low, otherHigh) + Math.imul(high, otherLow)) >>> 0;
}

const pair = new Uint32Array(2);

/** Puts a right shift by 1 to 31 bits over the number itself. */
function fold(bits) {
  const [low, high] = pair;
  pair[0] = low ^ ((low >>> bits) | (high << (32 - bits)));
  pair[1] = high ^ (high >>> bits);
}

/** One of red, green and blue, bright for half of the circle of hues. */
function part(hue, shift, saturation, value) {
  const place = round(round(hue + shift) % 6);
  const fade = Math.min(Math.max(Math.min(place, round(4 - place)), 0), 1);
  const shade = round(value * round(1 - round(saturation * fade)));
  return Math.min(Math.max(Math.floor(shade + 0.5), 0), 255);
}

/**
 * The colour of the label with these 32-bit halves, as `r | g << 8 | b << 16`; 0 for the label 0.
 * All numbers are rounded to 32 bits on the way, for the same bytes everywhere.
 */
export function packedColour(low, high) {
  if (low === 0 && high === 0) return 0;
  const sum = low + 0x7f4a7c15;
  pair[0] = sum;
  pair[1] = high + 0x9e3779b9 + (sum > 0xffffffff ? 1 : 0);
  fold(30);
  multiply(pair[0], pair[1], 0x1ce4e5b9, 0xbf58476d, pair);
  fold(27);
  multiply(pair[0], pair[1], 0x133111eb, 0x94d049bb, pair);
  fold(31);
  const bits = pair[0];
  const hue = round(((bits & 0xffff) / 65536) * 6);
  const saturation = round(0.5 + round(((bits >>> 16) & 255) / 510));
  const value = round(160 + round(round((bits >>> 24) / 255) * 95));
  const red = part(hue, 5, saturation, value);
  const green = part(hue, 3, saturation, value);
  const blue = part(hue, 1, saturation, value);
  return red | (green << 8) | (blue << 16);
}

/** The colour of a label that is given as text or number: `[r, g, b]`. */
export function labelColour(label) {
  const [low, high] = halves(label);
  const colour = packedColour(low, high);
  return [colour & 255, (colour >>> 8) & 255, (colour >>> 16) & 255];
}

/** The 32-bit halves of a label, the low one first. */
export function halves(label) {
  const bits = BigInt.asUintN(64, BigInt(label));
  return [Number(bits & 0xffffffffn), Number(bits >> 32n)];
}

/** A colour as CSS has it. */
export const css = ([r, g, b]) => `rgb(${r} ${g} ${b})`;
