/** One run of a candidate, and what its results may be off by. */
import type { DeviceArray } from "../measure/compare_arrays.ts";
import type { Inputs, Operands, Runnable } from "./tune_operands.ts";

/**
 * Most relative error of an output as a whole, and most error of an element relative to the root mean square. Of f16,
 * sums that differ in the last bits are rounded to neighbours, which are 2^-10 apart.
 */
const TOLERANCE = { f32: { relative: 1e-4, largest: 1e-2 }, f16: { relative: 1e-3, largest: 3e-2 } };
export const toleranceOf = ({ dtype }: DeviceArray) => TOLERANCE[dtype === "f16" ? "f16" : "f32"];

/** One run on fresh operands. */
export async function runOnce(operands: Operands, runnable: Runnable, inputs: Inputs, inPlace: readonly boolean[]) {
  await operands.load(inputs);
  await operands.reset(runnable.stages, inPlace);
  return await operands.run(runnable);
}
