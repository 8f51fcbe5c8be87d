/** Tests of half precision: when they run, what error they allow, and operands as the words that hold two f16 each. */
import { test } from "uvu";
import { pack } from "../_float16.ts";
import { gpu, type Operand } from "../_gpu.ts";

export { unpacked } from "../_float16.ts";

export function packed(data: ArrayLike<number>): Operand {
  const words = pack(data);
  return { shape: [words.length], data: words, dtype: "u32" };
}

/** What to pass for `count` numbers that are written, each NaN until then. */
export function unwritten(count: number): Operand {
  return { shape: [Math.ceil(count / 2)], data: new Uint32Array(Math.ceil(count / 2)).fill(0x7e007e00), dtype: "u32" };
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
