/** Parameters and optimizer state: between the device and named values on the host. */
import type { Context } from "../core/device/device.ts";
import type { Buffers } from "../core/device/plan.ts";
import { readTensors, writeTensor } from "../core/device/transfer.ts";
import type { Arena } from "../core/graph/arena.ts";
import type { Tensor } from "../core/graph/tensor.ts";
import type { HostTensor } from "../core/host/safetensors.ts";

/** The named values of parameters and optimizer state on the host. */
export type HostParams = Readonly<Record<string, Float32Array>>;

/** What of a model holds values. */
export interface ParamStore {
  readonly context: Context;
  readonly buffers: Buffers;
  readonly params: Arena;
  /** Optimizer state by name ("velocity"), laid out like the parameters; empty where nothing is trained. */
  readonly state: Readonly<Record<string, Arena>>;
}

/** Sets the parameters, and the optimizer state if given (else zero). */
export async function setParams(
  { context, buffers, params, state }: ParamStore,
  values: HostParams,
  optimizerState: Readonly<Record<string, HostParams>> = {},
): Promise<void> {
  const arenas: [Arena, HostParams][] = [
    [params, values],
    ...Object.entries(state).map(([name, arena]): [Arena, HostParams] => [arena, optimizerState[name] ?? {}]),
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
 * The parameters under their names ("conv1/w" as [height, width, in, out], "conv1/b"), and optimizer state, if any,
 * under "velocity/...", copied from the device.
 *
 * @example
 * ```ts
 * const network = sequential("tiny", [conv("conv1", { channels: 3, kernel: 3 }), globalAveragePool("average")]);
 * const model = await openModel(device, { network, input: [8, 8, 1] });
 * const params = await getParams(model);
 * console.log(params["conv1/w"]!.shape, params["conv1/b"]!.data); // [ 3, 3, 1, 3 ] Float32Array(3) [ 0, 0, 0 ]
 * ```
 */
export async function getParams({ context, buffers, params, state }: ParamStore): Promise<Record<string, HostTensor>> {
  const named = [
    ...Object.entries(params.views),
    ...Object.entries(state).flatMap(([prefix, { views }]) =>
      Object.entries(views).map(([name, view]): [string, Tensor] => [`${prefix}/${name}`, view])
    ),
  ];
  const bytes = await readTensors(context, buffers, named.map(([, view]) => view));
  return Object.fromEntries(
    named.map(([name, { shape }], index) => [name, { shape, data: new Float32Array(bytes[index]!) }]),
  );
}
