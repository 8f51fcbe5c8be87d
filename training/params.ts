/** Parameters, the state of layers and the moments of an optimizer: between the device and named values on the host. */
import type { Context } from "../core/device/device.ts";
import type { Buffers } from "../core/device/plan.ts";
import { readTensors, writeTensor } from "../core/device/transfer.ts";
import type { Arena } from "../core/graph/arena.ts";
import type { ParamSpecs } from "../core/graph/layer.ts";
import { elements, type Shape, type Tensor } from "../core/graph/tensor.ts";
import { UserError } from "../core/host/errors.ts";
import type { HostTensor } from "../core/host/safetensors.ts";
import { select } from "./checkpoint.ts";
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
  /** The device that it is on. */
  readonly context: Context;
  /** The buffers that hold it; empty once it was closed. */
  readonly buffers: Buffers;
  /** The parameters by name, "conv1/w". */
  readonly params: Arena;
  /** What layers keep beside parameters, by name. */
  readonly state: Arena;
  /** What the optimizer keeps ("velocity"), laid out like the parameters; empty where nothing is trained. */
  readonly moments: Readonly<Record<string, Arena>>;
  /** Shapes and initial values of parameters and state: what a file of them has. */
  readonly saved: ParamSpecs;
}

/** Writes the parameters; state where given, else to its initial values; and moments where given, else to zero. */
export async function writeParams(
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

/** What `setParams` found no use for. */
export interface Unmatched {
  /** What the model has and the values have not, or of another shape: it stays as it was. */
  readonly missing: readonly string[];
  /** What the values have and the model has not. */
  readonly unexpected: readonly string[];
}

/**
 * Sets parameters and the state of layers from values under their names ("conv1/w"), as `getParams` and `readTensors`
 * give them, or as flat arrays. With `strict: false` it takes what fits by name and shape, as of another network's body,
 * and says what did not. Throws `UserError` where names or shapes do not match or a value is no number, and sets nothing
 * then.
 *
 * @example
 * ```ts
 * const input = [8, 8, 1] as const, body = conv("conv1", { channels: 3, kernel: 3, activation: "relu" });
 * const open = (channels: number) => {
 *   const layers = [body, conv("head", { channels, kernel: 1 }), globalAveragePool("average")];
 *   return openModel(device, { network: sequential("tiny", layers), input });
 * };
 * const [trained, tuned] = [await open(10), await open(2)];
 * console.log((await setParams(tuned, await getParams(trained), { strict: false })).missing); // [ 'head/w', 'head/b' ]
 * ```
 */
export async function setParams(
  model: ParamStore,
  values: Readonly<Record<string, HostTensor | Float32Array>>,
  { strict = true }: { readonly strict?: boolean } = {},
): Promise<Unmatched> {
  const { saved } = model, current = await getParams(model);
  const tensors = Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, tensorOf(name, value, saved[name]?.shape)]),
  );
  const fits = (name: string) =>
    tensors[name] !== undefined && String(tensors[name].shape) === String(saved[name]!.shape);
  const missing = Object.keys(saved).filter((name) => strict ? tensors[name] === undefined : !fits(name));
  const unexpected = Object.keys(tensors).filter((name) => saved[name] === undefined);
  if (strict && (missing.length > 0 || unexpected.length > 0)) {
    const lists = [["it lacks", missing], ["the network has no", unexpected]] as const;
    const said = lists.filter(([, names]) => names.length > 0).map(([what, names]) => `${what} ${shortList(names)}`);
    throw new UserError(`Cannot set the parameters: ${said.join("; ")}; strict: false takes what fits`);
  }
  const kept = Object.fromEntries(missing.map((name) => [name, current[name]!]));
  const chosen = select({ tensors: { ...tensors, ...kept } }, saved, "the values of setParams");
  await writeParams(
    model,
    chosen,
    Object.fromEntries(
      Object.entries(model.moments).map(([prefix, { views }]) => [
        prefix,
        Object.fromEntries(Object.keys(views).map((name) => [name, current[`${prefix}/${name}`]!.data])),
      ]),
    ),
  );
  return { missing, unexpected };
}

/** Names for one line: of many, the first few. */
function shortList(names: readonly string[]): string {
  const shown = names.slice(0, 5).map((name) => `"${name}"`).join(", ");
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}

/** A flat array has the shape that is wanted, where its length is that. */
function tensorOf(name: string, value: HostTensor | Float32Array, wanted: Shape | undefined): HostTensor {
  if (!(value instanceof Float32Array)) return value;
  if (wanted === undefined) return { shape: [value.length], data: value as Float32Array<ArrayBuffer> };
  if (elements(wanted) !== value.length) {
    throw new UserError(
      `Cannot set "${name}": ${value.length} values, it is [${wanted.join(", ")}], which are ${elements(wanted)}`,
    );
  }
  return { shape: wanted, data: value as Float32Array<ArrayBuffer> };
}
