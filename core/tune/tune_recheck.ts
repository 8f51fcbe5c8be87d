/** A winner of an earlier search, checked once more before it is used. */
import type { Stages } from "../../kernels/kernel.ts";
import type { Context } from "../device/device.ts";
import type { Op } from "../graph/op.ts";
import { firstLine } from "../host/errors.ts";
import type { DeviceArray } from "../measure/compare_arrays.ts";
import type { Expected } from "./tune_bench.ts";
import { openOperands } from "./tune_operands.ts";
import { runOnce, toleranceOf } from "./tune_run.ts";

/** A projection is the error in one direction: up to a few times the relative error. */
const projectionTolerance = (array: DeviceArray) => 3 * toleranceOf(array).relative;

/**
 * Runs stages once on the random inputs; says what is wrong with their results, or null. `expected` is what an earlier
 * search recorded, so that the reference need not be compiled.
 */
export async function recheck(context: Context, op: Op, stages: Stages, expected: Expected): Promise<string | null> {
  const operands = await openOperands(context, op);
  try {
    const runnable = await operands.compile(stages);
    const { error } = await runOnce(operands, runnable, "random", expected.inPlace);
    if (error !== null) return error;
    for (const [index, array] of operands.outputs.entries()) {
      const { norm, projections, notFinite } = await operands.arrays.project(array), wanted = expected.outputs[index]!;
      const name = op.writes[index]!.buffer.label;
      if (notFinite > 0) return `leaves ${notFinite} values of ${name} unwritten or not finite`;
      const errors = [norm - wanted.norm, ...projections.map((value, k) => value - wanted.projections[k]!)];
      if (!errors.every((each) => Math.abs(each) <= projectionTolerance(array) * wanted.norm)) {
        const largest = Math.max(...errors.map(Math.abs)) / wanted.norm;
        return `computes ${name} with a relative error of about ${largest.toExponential(1)}`;
      }
    }
    return null;
  } catch (error) {
    context.check();
    return firstLine(error);
  } finally {
    operands.destroy();
  }
}
