/** The examples of a split as programs and loops see them, wherever they are. */
import type { Context } from "../core/device/device.ts";
import type { Buffers } from "../core/device/plan.ts";
import type { Batch } from "../core/graph/program.ts";
import type { Tensor } from "../core/graph/tensor.ts";
import { writeTensor } from "../core/device/transfer.ts";
import { orderOf, type Pass, type PassOptions } from "./pass.ts";
import { gatherBatch, type Placement, type Resident } from "./resident.ts";
import { type Streamed, streamPass, unpackBatch } from "./streamed.ts";

/** All on the device, or streaming through it. */
export type Examples = Resident | Streamed;

/** The batch of `batch` examples that starts where the step buffer says. */
export function batchOf(data: Examples, step: Tensor, batch: number, placement: Placement = {}): Batch {
  return "chunks" in data ? gatherBatch(data, step, batch, placement) : unpackBatch(data, step, batch);
}

/** Begins a pass. Throws `UserError`, here or in `next`, where the examples cannot be read. */
export async function startPass(
  { context, buffers }: { readonly context: Context; readonly buffers: Buffers },
  data: Examples,
  options: PassOptions,
): Promise<Pass> {
  if (!("chunks" in data)) return streamPass(context, buffers, data, options);
  const { training } = options;
  if (training !== null) {
    await writeTensor(context, buffers, data.order, orderOf(data, training));
    await writeTensor(context, buffers, data.distorting, Uint32Array.of(Number(training.distorts)));
  }
  return { next: null, close() {} };
}
