/** Chooses the tuning of each op. */
import type { Limits } from "../../kernels/kernel.ts";
import { UserError } from "../host/errors.ts";
import type { Op } from "./op.ts";

/** Decides which shaders an op runs. */
export interface Tuner {
  /** Called with all ops of a program before the first is chosen: a tuner that searches shares its time among them. */
  prepare?(ops: readonly Op[]): Promise<void>;
  /** One of the tunings that the op's kernel offers for this device. */
  choose(op: Op): Promise<unknown>;
}

/** Op label to tuning: what a checkpoint records. */
export type Tunings = Readonly<Record<string, unknown>>;

/** The default of an op's kernel. Throws `UserError` where no tuning fits the device. */
export function defaultTuning({ label, kernel, problem }: Op, limits: Limits): unknown {
  const [first] = kernel.tunings(problem, limits);
  if (first === undefined) throw new UserError(`No tuning of ${kernel.name} fits this device, needed by ${label}`);
  return first;
}

/** Each kernel's default. */
export function defaultTuner(limits: Limits): Tuner {
  return { choose: (op) => Promise.resolve().then(() => defaultTuning(op, limits)) };
}

/**
 * Exactly the tunings of `recorded`, by label; `otherwise` for an op that it does not name. Throws `UserError` where
 * a recorded tuning is not offered any more: another choice would round differently.
 */
export function fixedTuner(recorded: Tunings, limits: Limits, otherwise: Tuner): Tuner {
  return {
    prepare: async (ops) => await otherwise.prepare?.(ops.filter(({ label }) => recorded[label] === undefined)),
    async choose(op) {
      const wanted = recorded[op.label];
      if (wanted === undefined) return await otherwise.choose(op);
      const found = op.kernel.tunings(op.problem, limits).find((tuning) =>
        JSON.stringify(tuning) === JSON.stringify(wanted)
      );
      if (found === undefined) {
        throw new UserError(
          ({ otherKernels }) =>
            `Cannot resume byte-exactly: ${op.label} ran with tuning ${
              JSON.stringify(wanted)
            }, which this version or ` +
            `device does not offer; ${otherKernels}`,
        );
      }
      return found;
    },
  };
}
