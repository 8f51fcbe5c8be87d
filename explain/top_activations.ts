/** Which examples activate the units of a layer most: one pass over them, the lists stay on the device. */
import { op } from "../core/graph/op.ts";
import { valuesOf } from "../core/graph/program.ts";
import { compile } from "../core/device/plan.ts";
import { elements, type Tensor, tensor } from "../core/graph/tensor.ts";
import { readTensors, writeTensor } from "../core/device/transfer.ts";
import { UserError } from "../core/host/errors.ts";
import { checkDataset } from "../data/check_dataset.ts";
import type { Dataset } from "../data/dataset.ts";
import { EMPTY, topK } from "../kernels/explain/top_k.ts";
import { unitMaxima } from "../kernels/explain/unit_signal.ts";
import { batchOf, type Examples } from "../training/examples.ts";
import { type Model, withOwnBuffers } from "../training/model.ts";
import { makeResident } from "../training/resident.ts";
import { runBatches } from "../training/run_batches.ts";
import { evaluationBatch } from "../training/session.ts";
import { upTo } from "./layer_of.ts";

/** What a unit puts out for an example where it puts out the most. */
export interface TopActivation {
  /** The place of the example in its split. */
  readonly example: number;
  /** [y, x] in the layer's output. */
  readonly position: readonly [number, number];
  /** What the unit puts out there. */
  readonly activation: number;
}

/** What is searched for. */
export interface SearchOptions {
  /** The layer, by name: "block1/conv2". */
  readonly layer: string;
  /** Examples of each unit's list. */
  readonly k: number;
  /** Hears of the share of the examples that was looked at, 0 to 1. */
  readonly report?: (done: number) => void;
}

/**
 * For each unit (output channel) of a layer the `k` examples that activate it most, the most active first, fewer where
 * there are not as many; of equal ones the first. Each example counts once, where the unit is the most active. `data` is
 * preprocessed as the training images were. Throws `UserError` where there is no such layer, or the data do not fit.
 *
 * @example
 * ```ts
 * const model = await openModel(device, await loadConfig("quickstart"), { seed: 1 });
 * const { dataset } = await loadConfig("quickstart", ["dataset.testExamples=20"]);
 * const test = await prepare(device, { config: dataset, directory: null }, "test", null);
 * const lists = await topActivations(model, test, { layer: "conv2", k: 3 });
 * console.log(lists.length, lists[0]!.length); // 32 3
 * ```
 */
export async function topActivations(
  model: Model,
  data: Dataset,
  options: SearchOptions,
): Promise<TopActivation[][]> {
  checkDataset(data, model, "the data of this search");
  return await topActivationsOn(model, (own) => makeResident(own.context, own.buffers, "search", data), options);
}

/** As `topActivations`, on the examples that `open` puts on the device, in the buffers of the model that it is given. */
export async function topActivationsOn(
  model: Model,
  open: (own: Model) => Promise<Examples>,
  { layer, k, report = () => {} }: SearchOptions,
): Promise<TopActivation[][]> {
  const network = upTo(model.network, layer);
  return await withOwnBuffers(model, async (own) => {
    const { context, buffers, step } = own, data = await open(own);
    const batch = "chunks" in data ? evaluationBatch(own, data.count) : data.batch;
    const canvas = own.canvas === null ? null : { ...own.canvas, distortion: null };
    const input = batchOf(data, step, batch, { canvas });
    const { ops, y } = network.forward(valuesOf(own), input.x, { mode: "eval", step, path: "" });
    const { lists, ...search } = searchOps(y, input.labels, step, k);
    await writeTensor(context, buffers, lists.values, new Float32Array(elements(lists.values.shape)));
    await writeTensor(context, buffers, lists.entries, new Uint32Array(elements(lists.entries.shape)).fill(EMPTY));
    const plan = await compile(context, { ops: [...input.ops, ...ops, ...search.ops], keep: [] }, own.tuner, buffers);
    try {
      await runBatches(own, plan, { data, batch }, (first) => {
        report(first / data.count);
        return true;
      });
      const [values, entries] = await readTensors(context, buffers, [lists.values, lists.entries]);
      context.check();
      if ("skipped" in data && data.skipped.size === data.count) {
        throw new UserError(`None of the ${data.count} images that were searched could be read`);
      }
      const width = y.shape.length === 4 ? y.shape[2]! : 1;
      return decodeLists(new Float32Array(values!), new Uint32Array(entries!), k, width);
    } finally {
      plan.destroy();
    }
  });
}

/** The ops behind a layer's output y: its maxima into the running lists. */
function searchOps(y: Tensor, labels: Tensor, step: Tensor, k: number) {
  const batch = y.shape[0]!, channels = y.shape.at(-1)!, positions = elements(y.shape) / batch / channels;
  const u32 = { dtype: "u32" } as const, kept = { lifetime: "persistent" } as const;
  const maxima = tensor("maxima", [batch, channels]), at = tensor("positions", [batch, channels], u32);
  const values = tensor("top/values", [channels, k], kept);
  const entries = tensor("top/entries", [channels, k, 2], { ...u32, ...kept });
  const ops = [
    op(unitMaxima, { batch, channels, positions }, { label: "maxima", reads: [y], writes: [maxima, at] }),
    op(topK, { batch, channels, k }, { label: "top", reads: [maxima, at, labels, step], writes: [values, entries] }),
  ];
  return { ops, lists: { values, entries } };
}

function decodeLists(values: Float32Array, entries: Uint32Array, k: number, width: number): TopActivation[][] {
  return Array.from({ length: values.length / k }, (_, unit) => {
    const list: TopActivation[] = [];
    for (let i = unit * k; i < (unit + 1) * k && entries[2 * i] !== EMPTY; i++) {
      const at = entries[2 * i + 1]!;
      list.push({ example: entries[2 * i]!, position: [Math.floor(at / width), at % width], activation: values[i]! });
    }
    return list;
  });
}
