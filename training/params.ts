/** Parameters, the state of layers and the moments of an optimizer: between the device and named values on the host. */
import type { Context } from "../core/device/device.ts";
import type { Buffers } from "../core/device/plan.ts";
import { readTensors, writeTensor } from "../core/device/transfer.ts";
import type { Arena } from "../core/graph/arena.ts";
import type { ParamSpecs } from "../core/graph/layer.ts";
import type { Tensor } from "../core/graph/tensor.ts";
import { UserError } from "../core/host/errors.ts";
import type { HostTensor } from "../core/host/safetensors.ts";
import { initialParams } from "../learning/initial_values/mod.ts";

/** The named values of parameters, of state or of moments on the host. */
export type HostParams = Readonly<Record<string, Float32Array>>;

/** Throws `UserError` where a model was closed, or its device: what it holds is gone. */
export function checkOpen({ context, buffers }: Pick<ParamStore, "context" | "buffers">): void {
  context.check();
  if (buffers.size === 0) throw new UserError("This model was closed, and its memory freed: open or load it again");
}

/** What of a model holds values. */
export interface ParamStore {
  readonly context: Context;
  readonly buffers: Buffers;
  readonly params: Arena;
  readonly state: Arena;
  /** What the optimizer keeps ("velocity"), laid out like the parameters; empty where nothing is trained. */
  readonly moments: Readonly<Record<string, Arena>>;
  /** Shapes and initial values of parameters and state: what a file of them has. */
  readonly saved: ParamSpecs;
}

/** Sets the parameters; state where given, else to its initial values; and moments where given, else to zero. */
export async function setParams(
  { context, buffers, params, state, moments, saved }: ParamStore,
  values: HostParams,
  momentValues: Readonly<Record<string, HostParams>> = {},
): Promise<void> {
  const initial = Object.fromEntries(Object.keys(state.views).map((name) => [name, saved[name]!]));
  const arenas: [Arena, HostParams][] = [
    [params, values],
    [state, { ...initialParams(initial, 0), ...values }],
    ...Object.entries(moments).map(([name, arena]): [Arena, HostParams] => [arena, momentValues[name] ?? {}]),
  ];
  for (const [arena, values] of arenas) {
    for (const chunk of arena.chunks) {
      const flat = new Float32Array(chunk.shape[0]!);
      for (const [name, view] of Object.entries(arena.views)) {
        if (view.buffer === chunk.buffer && values[name] !== undefined) flat.set(values[name], view.offset / 4);
      }
      await writeTensor(context, buffers, chunk, flat);
    }
  }
}

/**
 * The parameters under their names ("conv1/w" as [height, width, in, out], "conv1/b"), the state that layers keep
 * under theirs, and in training the optimizer's moments under "velocity/...", copied from the device.
 *
 * @example
 * ```ts
 * const network = sequential("tiny", [conv("conv1", { channels: 3, kernel: 3 }), globalAveragePool("average")]);
 * const model = await openModel(device, { network, input: [8, 8, 1] });
 * const params = await getParams(model);
 * console.log(params["conv1/w"]!.shape, params["conv1/b"]!.data); // [ 3, 3, 1, 3 ] Float32Array(3) [ 0, 0, 0 ]
 * ```
 */
export async function getParams(model: ParamStore): Promise<Record<string, HostTensor>> {
  checkOpen(model);
  const { context, buffers, params, state, moments } = model;
  const named = [
    ...Object.entries(params.views),
    ...Object.entries(state.views),
    ...Object.entries(moments).flatMap(([prefix, { views }]) =>
      Object.entries(views).map(([name, view]): [string, Tensor] => [`${prefix}/${name}`, view])
    ),
  ];
  const bytes = await readTensors(context, buffers, named.map(([, view]) => view));
  return Object.fromEntries(
    named.map(([name, { shape }], index) => [name, { shape, data: new Float32Array(bytes[index]!) }]),
  );
}
