/** The float formats of safetensors files, little-endian, as float32. */

interface FloatFormat {
  /** Bytes of one value. */
  readonly size: number;
  /** Reads whole values; `bytes` may start at any address. */
  read(bytes: Uint8Array): Float32Array;
}

/** The bits of a float16: sign, 5 bits of exponent, 10 of fraction (IEEE 754 binary16). */
function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

const halves = (bytes: Uint8Array) => new Uint16Array(bytes.slice().buffer);

/**
 * By the name that the header gives. F16 and BF16 fit into float32 exactly; F64 is rounded to the nearest, and to
 * infinity beyond its range.
 */
export const FLOAT_FORMATS: Readonly<Record<string, FloatFormat>> = {
  F32: { size: 4, read: (bytes) => new Float32Array(bytes.slice().buffer) },
  F16: { size: 2, read: (bytes) => Float32Array.from(halves(bytes), fromHalf) },
  BF16: { size: 2, read: (bytes) => new Float32Array(Uint32Array.from(halves(bytes), (bits) => bits << 16).buffer) },
  F64: { size: 8, read: (bytes) => Float32Array.from(new Float64Array(bytes.slice().buffer)) },
};
