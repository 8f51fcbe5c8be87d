/** Arrays of f16 as the words that hold two each. */
import { FLOAT_FORMATS } from "../core/host/float_formats.ts";

/** The bits of a number that float16 holds exactly, and no subnormal. */
function bitsOf(value: number): number {
  if (value === 0) return 0;
  const exponent = Math.floor(Math.log2(Math.abs(value))), fraction = (Math.abs(value) / 2 ** exponent - 1) * 1024;
  if (!Number.isInteger(fraction) || exponent < -14 || exponent > 15) throw new Error(`${value} is no float16`);
  return (value < 0 ? 0x8000 : 0) + (exponent + 15) * 1024 + fraction;
}

/** Throws where float16 does not hold a number exactly. */
export function pack(data: ArrayLike<number>): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(data.length / 2));
  new Uint16Array(words.buffer).set(Array.from(data, bitsOf));
  return words;
}

export function unpacked(words: ArrayLike<number>, count: number): Float32Array {
  return FLOAT_FORMATS["F16"]!.read(new Uint8Array(Uint32Array.from(words).buffer)).subarray(0, count);
}
