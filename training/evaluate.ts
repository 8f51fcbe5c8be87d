import { UserError } from "../core/errors.ts";
import { run } from "../core/plan.ts";
import { encodeStep } from "../core/step.ts";
import { readTensor, writeTensor } from "../core/transfer.ts";
import type { Evaluation, Session } from "./session.ts";

/** Mean cross-entropy in nats and error in percent. */
export interface Score {
  readonly loss: number;
  readonly error: number;
}

/**
 * Loss and error of the current parameters over all examples of `evaluation`. `onBatch` gets the number of examples
 * before each batch and, if `withLogits`, its logits [batch, classes]. Returns null where `stop` said so.
 */
export async function evaluate(
  { context, model, buffers }: Session,
  { plan, batch, data, metrics, logits }: Evaluation,
  { onBatch, withLogits = false, stop = () => false }: {
    onBatch?: (first: number, logits: Float32Array | null) => void;
    withLogits?: boolean;
    stop?: () => boolean;
  } = {},
): Promise<Score | null> {
  await writeTensor(context, buffers, metrics, new Float32Array(4));
  let previous: Promise<unknown> = Promise.resolve();
  for (let first = 0; first < data.count; first += batch) {
    const step = encodeStep({ step: 0, seed: 0, learningRate: 0, first });
    context.device.queue.writeBuffer(buffers.get(model.step.buffer)!, 0, step);
    run(context, plan);
    const done = context.device.queue.onSubmittedWorkDone();
    done.catch(() => {}); // where the device is lost, check() throws first
    await previous; // one batch runs while the next is encoded
    previous = done;
    context.check();
    if (stop()) return null;
    onBatch?.(first, withLogits ? await readTensor(context, plan.buffers, logits) : null);
  }
  const [loss, errors, examples] = await readTensor(context, buffers, metrics) as unknown as number[];
  if (examples !== data.count) throw new UserError(`The device evaluated ${examples} of ${data.count} examples`);
  return { loss: loss! / data.count, error: 100 * errors! / data.count };
}
