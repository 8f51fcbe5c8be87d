/** A small network with every kind of layer, and tracing it to the ops of a program. */
import type { Layer, Params, Rule } from "../core/graph/layer.ts";
import type { Op } from "../core/graph/op.ts";
import { type Shape, type Tensor, tensor } from "../core/graph/tensor.ts";
import { conv, type ConvOptions } from "../layers/conv.ts";
import { dropout } from "../layers/dropout.ts";
import { globalAveragePool } from "../layers/global_average_pool.ts";
import { maxPool } from "../layers/max_pool.ts";
import { sequential } from "../layers/sequential.ts";

export const convOf = ({ name, ...options }: ConvOptions & { name: string }) =>
  conv(name, { activation: "relu", ...options });
export const conv1 = convOf({ name: "conv1", channels: 4, kernel: 3, padding: "same" });
export const conv2 = convOf({ name: "conv2", channels: 5, kernel: 1 });
export const layers = [dropout("dropout1", { rate: 0.2 }), conv1, maxPool("pool1", { kernel: 3, stride: 2 }), conv2];
export const network = sequential("net", [...layers, globalAveragePool("globalAveragePool")]);
export const INPUT: Shape = [2, 8, 8, 3];

/** Traces forward and backward of `layer` on `shape`; returns what a program is made of. */
export function trace(
  layer: Layer,
  { shape = INPUT, mode = "train", rule = "gradient", withGrads = true, input = false }: {
    shape?: Shape;
    mode?: "train" | "eval";
    rule?: Rule;
    withGrads?: boolean;
    input?: boolean;
  } = {},
) {
  const { params: specs, output } = layer.init(shape);
  const named = (prefix: string): Params =>
    Object.fromEntries(Object.entries(specs).map(([name, { shape }]) => [name, tensor(`${prefix}${name}`, shape)]));
  const x = tensor("x", shape), step = tensor("step", [4], { dtype: "u32" });
  const forward = layer.forward(named(""), x, { mode, step, path: "" });
  const grads = named("grads/");
  const want = { rule, grads: withGrads ? grads : null, input, switches: true };
  const backward = forward.pullback(tensor("dy", forward.y.shape), want);
  return { x, specs, output, forward, backward, ops: [...forward.ops, ...backward.ops], grads };
}

export const labels = (ops: readonly Op[]) => ops.map(({ label }) => label);
const names = (tensors: readonly Tensor[]) => tensors.map(({ buffer, shape, dtype }) => [buffer.label, shape, dtype]);
export const described = (ops: readonly Op[]) =>
  JSON.stringify(
    ops.map(({ label, kernel, problem, reads, writes }) => [label, kernel.name, problem, names(reads), names(writes)]),
  );
