// Voxels as the server sends them: little-endian bytes, the first axis fastest.

import { number } from "./units.js";

const TYPES = {
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  uint64: BigUint64Array,
  int64: BigInt64Array,
  float32: Float32Array,
  float64: Float64Array,
  bool: Uint8Array,
};

export const isKnown = (type) => type in TYPES;
export const isFloat = (type) => type === "float32" || type === "float64";
export const itemSize = (type) => TYPES[type].BYTES_PER_ELEMENT;

/** The smallest and the greatest value of a type, but none for floating point and long integers. */
export function typeRange(type) {
  const found = /^(u?)int(8|16|32)$/.exec(type);
  if (type === "bool") return [0, 1];
  if (!found) return null;
  const bits = Number(found[2]);
  return found[1] ? [0, 2 ** bits - 1] : [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
}

/** A view of a buffer. Browsers run on little-endian machines only. */
export const view = (type, buffer) => new TYPES[type](buffer);

/** A value in words: long integers with all their digits, floats with seven. */
export const text = (value) =>
  typeof value === "bigint" || Number.isInteger(value) ? String(value) : number(value, 7);

/** A label as the text of the number that its bits are, `-1` of an int8 thus `255`. */
export function labelText(type, value) {
  const bits = itemSize(type) * 8;
  return String(BigInt.asUintN(bits, BigInt(value)));
}

/**
 * Labels as 32-bit words: `low` and `high` are indexed by `step * n`; `high` is null for types of up
 * to 32 bits.
 */
export function labelWords(voxels) {
  const bytes = voxels.BYTES_PER_ELEMENT;
  if (bytes === 8) {
    const words = new Uint32Array(voxels.buffer, voxels.byteOffset, voxels.length * 2);
    return { low: words, high: words.subarray(1), step: 2 };
  }
  const unsigned = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array }[bytes];
  return { low: new unsigned(voxels.buffer, voxels.byteOffset, voxels.length), high: null, step: 1 };
}
