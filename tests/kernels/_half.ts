/** f16 operands of `runOp` as the words that hold two each, for kernels in half precision. */
import { FLOAT_FORMATS } from "../../core/float_formats.ts";
import { test } from "uvu";
import { gpu, type Operand } from "../_gpu.ts";

/** The bits of a number that float16 holds exactly, and no subnormal. */
function bitsOf(value: number): number {
  if (value === 0) return 0;
  const exponent = Math.floor(Math.log2(Math.abs(value))), fraction = (Math.abs(value) / 2 ** exponent - 1) * 1024;
  if (!Number.isInteger(fraction) || exponent < -14 || exponent > 15) throw new Error(`${value} is no float16`);
  return (value < 0 ? 0x8000 : 0) + (exponent + 15) * 1024 + fraction;
}

export function packed(data: ArrayLike<number>): Operand {
  const words = new Uint32Array(Math.ceil(data.length / 2));
  new Uint16Array(words.buffer).set(Array.from(data, bitsOf));
  return { shape: [words.length], data: words, dtype: "u32" };
}

/** What to pass for `count` numbers that are written, each NaN until then. */
export function unwritten(count: number): Operand {
  return { shape: [Math.ceil(count / 2)], data: new Uint32Array(Math.ceil(count / 2)).fill(0x7e007e00), dtype: "u32" };
}

export function unpacked(words: ArrayLike<number>, count: number): Float32Array {
  return FLOAT_FORMATS["F16"]!.read(new Uint8Array(Uint32Array.from(words).buffer)).subarray(0, count);
}

/** Relative L2 error of what is stored as f16: WGSL leaves to the device which neighbour, 2^-10 apart at most, it takes. */
export const HALF_ERROR = 2 ** -10;

/** A test that is left out, with a line, on a device without f16. */
export function halfTest(name: string, body: () => Promise<void>): void {
  test(name, async () => {
    if ((await gpu()).limits.f16 === true) return await body();
    console.log(`skipped, for want of shader-f16: ${name}`);
  });
}
