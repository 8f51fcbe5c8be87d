/** What a layer is, and `sequential`, which makes a layer of a list of layers. */
import { castTo } from "./cast_to.ts";
import { UserError } from "../host/errors.ts";
import type { Op } from "./op.ts";
import type { Shape, Tensor } from "./tensor.ts";

/** How a ReLU sends a signal backward (paper, section 4). Training uses `gradient`. */
export type Rule = "gradient" | "deconvnet" | "guided";
/** All rules. */
export const RULES: readonly Rule[] = ["gradient", "deconvnet", "guided"];

/** What a layer wants initialized: weights drawn by what one output sums and one input feeds, or a constant. */
export interface ParamSpec {
  readonly shape: Shape;
  readonly init: { readonly fanIn: number; readonly fanOut: number } | { readonly constant: number };
}

/** A layer names its own parameters ("w", "b"); `sequential` prefixes them ("conv1/w"). */
export type ParamSpecs = Readonly<Record<string, ParamSpec>>;
/** The tensors of a layer's parameters, by name. */
export type Params = Readonly<Record<string, Tensor>>;

/** Train or evaluate is decided when tracing, never at run time. `step` is the step buffer (core/graph/step_data.ts). */
export interface Trace {
  readonly mode: "train" | "eval";
  readonly step: Tensor;
}

/** What a backward pass should compute. */
export interface Want {
  readonly rule: Rule;
  /** Where to write parameter gradients, or null if none are wanted. */
  readonly grads: Params | null;
  /** Is the gradient of the input wanted? */
  readonly input: boolean;
  /** Does max pooling send the signal to where the maximum was, or spread it evenly over the window? */
  readonly switches: boolean;
}

export interface Backward {
  readonly ops: readonly Op[];
  /** The gradient of the input, or null if it was not wanted. */
  readonly dx: Tensor | null;
}

/** What `forward` returns: the ops of the forward pass, its output `y`, and how to get back. */
export interface Forward {
  readonly ops: readonly Op[];
  readonly y: Tensor;
  /** The backward pass for the gradient `dy` of `y`; it closes over what it reads, which keeps that alive. */
  pullback(dy: Tensor, want: Want): Backward;
}

/** What one unit of a layer sees of the layer's input: a rectangle of positions, in all channels. */
export interface Window {
  readonly height: number;
  readonly width: number;
  /** Rows and columns from one unit's window to the next one's. */
  readonly stride: number;
  /** Rows and columns that the first window starts before the input. */
  readonly before: number;
}

/** Three pure functions: `init`, `forward`, and the `pullback` that `forward` returns. */
export interface Layer {
  readonly name: string;
  /**
   * That `forward` and `pullback` take activations and signals of f16, and by which names parameters of f16. Absent: all
   * that the layer sees is f32, in mixed precision too.
   */
  readonly half?: readonly string[];
  /** The output shape and parameters for an input shape with batch. Throws `UserError` on a shape that cannot work. */
  init(input: Shape): { readonly output: Shape; readonly params: ParamSpecs };
  forward(params: Params, x: Tensor, trace: Trace): Forward;
  /** What a unit sees of an input of this shape; absent where it sees its own position only. */
  window?(input: Shape): Window;
  /** The layers of a sequence, in order; absent for any other layer. */
  readonly layers?: readonly Layer[];
}

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
 * A network is itself a layer: runs `layers` one after the other, and prefixes their parameters and op labels with
 * their names. Throws `UserError` where two layers share a name.
 *
 * @example
 * ```ts
 * const block = sequential("block", [
 *   conv({ name: "conv1", channels: 16, kernel: 3, padding: "same", activation: "relu" }),
 *   conv({ name: "conv2", channels: 16, kernel: 3, stride: 2, padding: "same", activation: "relu" }),
 * ]);
 * const network = sequential("network", [block, conv({ name: "conv3", channels: 10, kernel: 1 })]);
 * const { output, params } = network.init([32, 28, 28, 1]); // batch, height, width, channels
 * console.log(output, Object.keys(params)[2]); // [ 32, 14, 14, 10 ] block/conv2/w
 * ```
 */
export function sequential(name: string, layers: readonly Layer[]): Layer {
  const names = new Set<string>();
  for (const layer of layers) {
    if (names.has(layer.name)) {
      throw new UserError(`Cannot build network "${name}": two layers are named "${layer.name}", rename one`);
    }
    names.add(layer.name);
  }
  return {
    name,
    layers,
    half: layers.flatMap((layer) => (layer.half ?? []).map((key) => `${layer.name}/${key}`)),
    init(input) {
      let shape = input;
      const params: Record<string, ParamSpec> = {};
      for (const layer of layers) {
        const made = layer.init(shape);
        for (const [key, spec] of Object.entries(made.params)) params[`${layer.name}/${key}`] = spec;
        shape = made.output;
      }
      return { output: shape, params };
    },
    forward(params, x, trace) {
      const ops: Op[] = [];
      const passes = layers.map((layer) => {
        const pass = forwardInOwn(layer, under(layer.name, params), x, trace);
        ops.push(...prefixed(layer.name, pass.ops));
        x = pass.y;
        return { layer, pass };
      });
      // The first layers without parameters need no backward pass unless the gradient of the input is wanted.
      const firstWithParams = layers.findIndex((layer) => Object.keys(under(layer.name, params)).length > 0);
      return {
        ops,
        y: x,
        pullback(dy, { grads, input, ...how }) {
          const backward: Op[] = [];
          let gradient: Tensor | null = dy;
          for (const [index, { layer, pass }] of [...passes.entries()].reverse()) {
            if (!input && (grads === null || index < firstWithParams || firstWithParams < 0)) break;
            if (gradient === null) throw new Error(`Layer "${layer.name}" got no gradient`);
            const want: Want = {
              ...how,
              grads: grads === null ? null : under(layer.name, grads),
              input: input || index > firstWithParams,
            };
            const result: Backward = pass.pullback(gradient, want);
            backward.push(...prefixed(layer.name, result.ops));
            gradient = result.dx;
          }
          return { ops: backward, dx: input ? gradient : null };
        },
      };
    },
  };
}
