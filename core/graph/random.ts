/**
 * Counter-based random numbers: a pure function of (seed, step, stream, index), the same here and in WGSL
 * (kernels/wgsl.ts, `RANDOM`), so that a mask or a shuffle is never stored, only drawn again.
 */
import { fnv1a } from "./fnv1a.ts";

const GOLDEN = 0x9e3779b9;

/** `lowbias32` of C. Wellons' hash-prospector: a bijection of the 32-bit integers with low bias. */
function mix(value: number): number {
  let x = value >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/** What is drawn under one (seed, step, stream): pass it to `draw` with the element's index. */
export function key(seed: number, step: number, stream: number): number {
  return mix(mix(mix((seed + GOLDEN) >>> 0) ^ step) ^ stream);
}

/** The random u32 of element `index` under `key`. */
export function draw(key: number, index: number): number {
  return mix(mix((index + GOLDEN) >>> 0) ^ key);
}

/** A random u32 for (seed, step, stream, index), each taken modulo 2^32. */
export function hash(seed: number, step: number, stream: number, index: number): number {
  return draw(key(seed, step, stream), index);
}

/** A uniform number in [0, 1) with 24 random bits, as `random_unit` in WGSL. */
export function unit(key: number, index: number): number {
  return (draw(key, index) >>> 8) / 0x1000000;
}

/** A stream number from a name, so that layers and purposes draw independent numbers. */
export const streamOf = (name: string): number => fnv1a(name);

/** The numbers 0 ... `count - 1` in the order of one epoch (Fisher-Yates). */
export function permutation(count: number, seed: number, epoch: number): Uint32Array<ArrayBuffer> {
  const k = key(seed, epoch, streamOf("permutation"));
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = draw(k, i) % (i + 1);
    const swapped = order[i]!;
    order[i] = order[j]!;
    order[j] = swapped;
  }
  return order;
}

/** `count` numbers from a normal distribution of mean 0 and deviation 1 (Box-Muller). */
export function normals(count: number, seed: number, stream: number): Float64Array {
  const k = key(seed, 0, stream);
  return Float64Array.from({ length: count }, (_, i) => {
    const radius = Math.sqrt(-2 * Math.log(1 - unit(k, 2 * i)));
    return radius * Math.cos(2 * Math.PI * unit(k, 2 * i + 1));
  });
}
