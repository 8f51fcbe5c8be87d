import { type Plan, run } from "../core/device/plan.ts";
import { encodeStep } from "../core/graph/step_data.ts";
import { type Examples, startPass } from "./examples.ts";
import type { Model } from "./model.ts";

/**
 * Runs a plan once for each batch of `data`, as an evaluation sees them: in their order, the last one padded. `after`
 * hears of the first example of each batch that was submitted and ends the pass where it returns false; returns whether
 * there was none such. Throws `UserError` where the examples cannot be read.
 */
export async function runBatches(
  model: Pick<Model, "context" | "step" | "buffers">,
  plan: Plan,
  { data, batch }: { readonly data: Examples; readonly batch: number },
  after: (first: number) => Promise<boolean> | boolean,
): Promise<boolean> {
  const { context, step, buffers } = model;
  const pass = await startPass(model, data, { batch, batches: Math.ceil(data.count / batch), training: null });
  let previous: Promise<unknown> = Promise.resolve();
  try {
    for (let first = 0; first < data.count; first += batch) {
      await pass.next?.();
      const values = encodeStep({ step: 0, seed: 0, learningRate: 0, first });
      context.device.queue.writeBuffer(buffers.get(step.buffer)!, 0, values);
      run(context, plan);
      const done = context.device.queue.onSubmittedWorkDone();
      done.catch(() => {}); // where the device is lost, check() throws first
      await previous; // one batch runs while the next is encoded
      previous = done;
      context.check();
      if (!await after(first)) return false;
    }
  } finally {
    pass.close();
  }
  return true;
}
