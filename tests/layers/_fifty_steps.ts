/** The networks of fifty_steps_test.ts: small ones, which have every kind of layer between them. */
import type { Layer } from "../../core/graph/layer.ts";
import { activation } from "../../layers/activation.ts";
import { averagePool } from "../../layers/average_pool.ts";
import { batchNorm } from "../../layers/batch_norm.ts";
import { conv } from "../../layers/conv.ts";
import { dense } from "../../layers/dense.ts";
import { dropout } from "../../layers/dropout.ts";
import { elementwise } from "../../layers/elementwise.ts";
import { globalAveragePool } from "../../layers/global_average_pool.ts";
import { maxPool } from "../../layers/max_pool.ts";
import { residual } from "../../layers/residual.ts";
import { sequential } from "../../layers/sequential.ts";

/** A network, the shape of its images, and what its numbers are drawn from. */
export interface Case {
  readonly input: readonly [number, number, number];
  readonly layers: readonly Layer[];
  readonly seed: number;
}

/** By the names of their functions in _fifty_steps.py. */
export const NETWORKS: Readonly<Record<string, Case>> = {
  windows: {
    input: [11, 9, 2],
    layers: [
      conv("conv1", { channels: 4, kernel: [3, 5], stride: [2, 1], padding: { top: 1, left: 2, right: 1 } }),
      activation("silu", { function: "silu" }),
      maxPool("pool1", { kernel: [2, 3], stride: [1, 2], padding: 1 }),
      averagePool("average1", { kernel: [3, 2], stride: [2, 1], padding: { top: 1, right: 1 } }),
      conv("conv2", { channels: 5, kernel: 2, padding: "same", activation: { leakyRelu: { slope: 0.25 } } }),
      averagePool("average2", { kernel: 2, stride: [1, 2], padding: [1, 0], countPadding: true }),
      maxPool("pool2", { kernel: 2, stride: 2, padding: { top: 1 }, rounding: "down" }),
      dense("dense1", { channels: 6, activation: "relu" }),
      dense("dense2", { channels: 3 }),
    ],
    seed: 44,
  },
  blocks: {
    input: [6, 6, 3],
    layers: [
      conv("conv1", { channels: 4, kernel: 3, padding: "same" }),
      batchNorm("norm1"),
      residual("block1", [
        conv("conv1", { channels: 4, kernel: 3, padding: "same" }),
        batchNorm("norm", { momentum: 0.2, epsilon: 1e-3 }),
        activation("gelu", { function: "gelu" }),
        dropout("dropout", { rate: 0 }),
        conv("conv2", { channels: 4, kernel: [1, 3], padding: [0, 1] }),
      ]),
      residual("block2", [
        batchNorm("norm"),
        activation("silu", { function: "silu" }),
        conv("conv", { channels: 6, kernel: 3, stride: 2, padding: 1 }),
      ], { projection: true }),
      batchNorm("norm2"),
      activation("relu"),
      sequential("head", [
        conv("conv", { channels: 5, kernel: 2 }),
        elementwise("bump", { y: "x * exp(-x * x)", dx: "dy * (1.0 - 2.0 * x * x) * exp(-x * x)" }),
      ]),
      conv("conv3", { channels: 3, kernel: 1 }),
      globalAveragePool("average"),
    ],
    seed: 52,
  },
};
