/** What a layer is. */
import type { PerAxis } from "../../kernels/per_axis.ts";
import type { Kind } from "../kinds/kinds.ts";
import type { Op } from "./op.ts";
import type { Shape, Tensor } from "./tensor.ts";

/** How a ReLU sends a signal backward (paper, section 4). Training uses `gradient`. */
export type Rule = "gradient" | "deconvnet" | "guided";
/** All rules. */
export const RULES: readonly Rule[] = ["gradient", "deconvnet", "guided"];

/** What a layer wants initialized: weights drawn by what one output sums and one input feeds, or a constant. */
export interface ParamSpec {
  /** Weights of a convolution are [kernel height, kernel width, in, out], a bias is [channels]. */
  readonly shape: Shape;
  /**
   * Weights are drawn by how many inputs one output sums and how many outputs one input feeds; or all are one number.
   */
  readonly init: { readonly fanIn: number; readonly fanOut: number } | { readonly constant: number };
  /** No value is below it, as of a variance, whose root would be no number; by default any is right. */
  readonly least?: number;
}

/** A layer names its own parameters ("w", "b"); what holds it puts its name in front ("conv1/w"). */
export type ParamSpecs = Readonly<Record<string, ParamSpec>>;
/** The tensors of a layer's parameters and state, by name. */
export type Params = Readonly<Record<string, Tensor>>;

/** Train or evaluate is decided when tracing, never at run time. `step` is the step buffer (core/graph/step_data.ts). */
export interface Trace {
  /** Is it traced for a training step, or for evaluation and prediction, where dropout is off? */
  readonly mode: "train" | "eval";
  /** u32 [4]: step, seed, learning rate as bits of f32, index of the batch's first example. */
  readonly step: Tensor;
  /** Where the layer is in the network, which is at "": "block1/dropout1". Random numbers are drawn by it. */
  readonly path: string;
}

/** What a backward pass should compute. */
export interface Want {
  /** What a ReLU lets through on the way back; a training wants "gradient". */
  readonly rule: Rule;
  /** Where to write the gradients of parameters (state has none), or null if none are wanted. */
  readonly grads: Params | null;
  /** Is the gradient of the input wanted? */
  readonly input: boolean;
  /** Does max pooling send the signal to where the maximum was, or spread it evenly over the window? */
  readonly switches: boolean;
}

/** What a pullback returns: the ops of the backward pass, and what they make of the gradient. */
export interface Backward {
  /** The ops, in order; gradients of parameters go where `grads` of `Want` says. */
  readonly ops: readonly Op[];
  /** The gradient of the input, or null if it was not wanted. */
  readonly dx: Tensor | null;
}

/** What `forward` returns: the ops of the forward pass, its output `y`, and how to get back. */
export interface Forward {
  /** The ops of the forward pass, in order. */
  readonly ops: readonly Op[];
  /** The output, of the shape that `init` told. */
  readonly y: Tensor;
  /** The backward pass for the gradient `dy` of `y`; it closes over what it reads, which keeps that alive. */
  pullback(dy: Tensor, want: Want): Backward;
}

/** What one unit of a layer sees of the layer's input: a rectangle of positions, in all channels. */
export interface Window {
  /** Rows that a unit sees. */
  readonly height: number;
  /** Columns that a unit sees. */
  readonly width: number;
  /** Rows and columns from one unit's window to the next one's. */
  readonly stride: PerAxis;
  /** Rows and columns that the first window starts before the input. */
  readonly before: PerAxis;
}

/** Three pure functions: `init`, `forward`, and the `pullback` that `forward` returns. */
export interface Layer {
  /** Its name, without "/"; its path in a network is its name behind those of the layers that hold it. */
  readonly name: string;
  /**
   * That `forward` and `pullback` take activations and signals of f16, and by which names parameters of f16. Absent: all
   * that the layer sees is f32, in mixed precision too.
   */
  readonly half?: readonly string[];
  /**
   * The output shape for an input shape with batch, and what the layer keeps: parameters, which are trained; and state,
   * as running statistics, which constants start and only its own ops write, in training once for each micro-batch. State
   * has no gradient and no decay, is float32, and is saved like parameters. Throws `UserError` on a shape that cannot work.
   */
  init(input: Shape): { readonly output: Shape; readonly params: ParamSpecs; readonly state?: ParamSpecs };
  /** `params` has the state too. */
  forward(params: Params, x: Tensor, trace: Trace): Forward;
  /** What a unit sees of an input of this shape; absent where it sees its own position only. */
  window?(input: Shape): Window;
  /** Does max pooling in it look for switches: does `switches` of `Want` change its pullback? */
  readonly switches?: true;
  /** The layers that it holds and runs one after the other, from its input on; absent where it holds none. */
  readonly layers?: readonly Layer[];
  /** The kind that made it (layers/layer_kind.ts), and its options, plain data; absent for a layer of one's own. */
  readonly made?: { readonly kind: Kind; readonly options: object };
}
