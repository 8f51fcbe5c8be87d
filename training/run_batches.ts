import type { Plan } from "../core/device/plan.ts";
import { planLoop, type StepTarget } from "../core/device/run_plans.ts";
import { type Examples, startPass } from "./examples.ts";
import { runPass } from "./pass.ts";

/**
 * Runs a plan once for each batch of `data`, as an evaluation sees them: in their order, the last one padded. `after`
 * hears of the first example of each batch that was submitted and ends the pass where it returns false; returns whether
 * there was none such. Throws `UserError` where the examples cannot be read.
 */
export async function runBatches(
  target: StepTarget,
  plan: Plan,
  { data, batch }: { readonly data: Examples; readonly batch: number },
  after: (first: number) => Promise<boolean> | boolean,
): Promise<boolean> {
  const batches = Math.ceil(data.count / batch);
  const pass = await startPass(target, data, { batch, batches, training: null });
  return await runPass(planLoop(target), pass, batches, {
    step: (at) => [{ plans: [plan], data: { step: 0, seed: 0, learningRate: 0, first: at * batch } }],
    after: (at) => after(at * batch),
  });
}
