/** A list of layers as one layer, which is what a network is. */
import * as z from "zod";
import { castTo } from "../core/graph/cast_to.ts";
import type { Forward, Layer, Params, ParamSpec, ParamSpecs, Trace, Want } from "../core/graph/layer.ts";
import type { Op } from "../core/graph/op.ts";
import type { Tensor } from "../core/graph/tensor.ts";
import { UserError } from "../core/host/errors.ts";
import { type CompositeConstructor, defineComposite } from "./layer_kind.ts";
import { pathIn } from "./tree.ts";

/** Keeps the entries that start with `prefix/`, without the prefix. */
function under<T>(prefix: string, entries: Readonly<Record<string, T>>): Record<string, T> {
  const start = `${prefix}/`;
  return Object.fromEntries(
    Object.entries(entries).filter(([key]) => key.startsWith(start)).map(([key, value]) => [
      key.slice(start.length),
      value,
    ]),
  );
}

/** The gradients of a layer's parameters, or null where none is wanted. */
function wanted(name: string, grads: Params | null): Params | null {
  const own = grads === null ? {} : under(name, grads);
  return Object.keys(own).length === 0 ? null : own;
}

const prefixed = (name: string, ops: readonly Op[]): Op[] => ops.map((op) => ({ ...op, label: `${name}/${op.label}` }));

/** `forward`, with casts around a layer that knows f32 alone and is given f16. */
function forwardInOwn(layer: Layer, params: Params, x: Tensor, trace: Trace): Forward {
  if (layer.half !== undefined || x.dtype !== "f16") return layer.forward(params, x, trace);
  const input = castTo("f32", x, "x"), pass = layer.forward(params, input.y, trace);
  return {
    ops: [...input.ops, ...pass.ops],
    y: pass.y,
    pullback(dy, want) {
      const { ops, dx } = pass.pullback(dy, want);
      if (dx === null) return { ops, dx };
      const gradient = castTo("f16", dx, "dx");
      return { ops: [...ops, ...gradient.ops], dx: gradient.y };
    },
  };
}

/**
 * Layers one after the other, with their names in front of their parameters and labels: what any kind that holds layers
 * is built of. Throws `UserError` where two share a name; `name` is whose layers they are.
 */
export function chain(name: string, layers: readonly Layer[]): Omit<Layer, "name" | "made"> {
  const names = new Set<string>();
  for (const layer of layers) {
    if (names.has(layer.name)) {
      throw new UserError(`Cannot build network "${name}": two layers are named "${layer.name}", rename one`);
    }
    names.add(layer.name);
  }
  const named = (of: (layer: Layer) => ParamSpecs): Record<string, ParamSpec> =>
    Object.fromEntries(
      layers.flatMap((layer) =>
        Object.entries(of(layer)).map(([key, spec]): [string, ParamSpec] => [`${layer.name}/${key}`, spec])
      ),
    );
  return {
    layers,
    half: layers.flatMap((layer) => (layer.half ?? []).map((key) => `${layer.name}/${key}`)),
    init(input) {
      let output = input;
      const made = new Map(layers.map((layer) => {
        const result = layer.init(output);
        output = result.output;
        return [layer, result];
      }));
      const params = named((layer) => made.get(layer)!.params);
      return { output, params, state: named((layer) => made.get(layer)!.state ?? {}) };
    },
    forward(params, x, trace) {
      const ops: Op[] = [];
      const passes = layers.map((layer) => {
        const inside = { ...trace, path: pathIn(trace.path, layer.name) };
        const pass = forwardInOwn(layer, under(layer.name, params), x, inside);
        ops.push(...prefixed(layer.name, pass.ops));
        x = pass.y;
        return { layer, pass };
      });
      return {
        ops,
        y: x,
        pullback(dy, { grads, input, ...how }) {
          const backward: Op[] = [];
          // The first layers without parameters need no backward pass unless the gradient of the input is wanted.
          const gradsOf = passes.map(({ layer }) => wanted(layer.name, grads));
          const first = gradsOf.findIndex((each) => each !== null);
          let gradient: Tensor | null = dy;
          for (const [index, { layer, pass }] of [...passes.entries()].reverse()) {
            if (!input && (first < 0 || index < first)) break;
            if (gradient === null) throw new Error(`Layer "${layer.name}" got no gradient`);
            const want: Want = { ...how, grads: gradsOf[index]!, input: input || index > first };
            const result = pass.pullback(gradient, want);
            backward.push(...prefixed(layer.name, result.ops));
            gradient = result.dx;
          }
          return { ops: backward, dx: input ? gradient : null };
        },
      };
    },
  };
}

/**
 * A network is itself a layer: runs `layers` one after the other, and prefixes their parameters and op labels with
 * their names. Throws `UserError` where two layers share a name.
 *
 * @example
 * ```ts
 * const block = sequential("block", [
 *   conv("conv1", { channels: 16, kernel: 3, padding: "same", activation: "relu" }),
 *   conv("conv2", { channels: 16, kernel: 3, stride: 2, padding: "same", activation: "relu" }),
 * ]);
 * const network = sequential("network", [block, conv("conv3", { channels: 10, kernel: 1 })]);
 * const { output, params } = network.init([32, 28, 28, 1]); // batch, height, width, channels
 * console.log(output, Object.keys(params)[2]); // [ 32, 14, 14, 10 ] block/conv2/w
 * ```
 */
export const sequential: CompositeConstructor<Record<never, never>> = defineComposite({
  key: "sequential",
  schema: z.strictObject({}),
  build: (name, _options, layers) => chain(name, layers),
  describe: () => "layers one after the other",
  onnx: () => [],
  torch: (_options, _shapes, inner) => [{ code: "nn.Sequential", modules: inner }],
});
