/** The float formats of safetensors files, little-endian, from and to float32. */

interface FloatFormat {
  /** Bytes of one value. */
  readonly size: number;
  /** Reads whole values; `bytes` may start at any address. */
  read(bytes: Uint8Array): Float32Array;
  /** The bytes of values, each rounded to the nearest; absent of formats that are only read. */
  write?(values: Float32Array): Uint8Array;
}

/** The formats that can be written. */
export type WrittenFormat = "F32" | "F16";

/** The bits of a float16: sign, 5 bits of exponent, 10 of fraction (IEEE 754 binary16). */
function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

const asBytes = ({ buffer, byteOffset, byteLength }: Float32Array | Uint16Array) =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** The bits of the nearest float16, ties to even; infinity beyond its range. */
function toHalf(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.slice().buffer);
  return Uint16Array.from(values, (value, i) => {
    if (Number.isNaN(value)) return 0x7e00;
    const exponent = Math.max(((bits[i]! >>> 23) & 255) - 127, -14); // below, all numbers are equally far apart
    const steps = Math.abs(value) * 2 ** (10 - exponent), whole = Math.floor(steps), rest = steps - whole;
    const up = rest > 0.5 || rest === 0.5 && whole % 2 === 1 ? 1 : 0; // carries into the exponent where it must
    return (bits[i]! >>> 16 & 0x8000) + Math.min((exponent + 14) * 1024 + whole + up, 0x7c00);
  });
}

const halves = (bytes: Uint8Array) => new Uint16Array(bytes.slice().buffer);

/** In a loop: `Float32Array.from` takes several times as long. */
function fromHalves(bits: Uint16Array): Float32Array {
  const values = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) values[i] = fromHalf(bits[i]!);
  return values;
}

/**
 * By the name that the header gives. F16 and BF16 fit into float32 exactly; F64 is rounded to the nearest, and to
 * infinity beyond its range.
 */
export const FLOAT_FORMATS: Readonly<Record<string, FloatFormat>> = {
  F32: { size: 4, read: (bytes) => new Float32Array(bytes.slice().buffer), write: asBytes },
  F16: {
    size: 2,
    read: (bytes) => fromHalves(halves(bytes)),
    write: (values) => asBytes(toHalf(values)),
  },
  BF16: { size: 2, read: (bytes) => new Float32Array(Uint32Array.from(halves(bytes), (bits) => bits << 16).buffer) },
  F64: { size: 8, read: (bytes) => Float32Array.from(new Float64Array(bytes.slice().buffer)) },
};
