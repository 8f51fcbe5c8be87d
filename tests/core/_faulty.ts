/** The plain convolution as a kernel whose candidates are wrong in ways of their own. */
import { convForward, type ConvForwardProblem } from "../../kernels/conv/conv_forward.ts";
import { PLAIN_PRODUCT } from "../../kernels/conv/families/direct.ts";
import type { Kernel, Shader, Stages } from "../../kernels/kernel.ts";
import { type Op, op } from "../../core/graph/op.ts";
import { tensor } from "../../core/graph/tensor.ts";

export const PROBLEM: ConvForwardProblem = {
  batch: 2,
  height: 5,
  width: 6,
  inChannels: 4,
  outHeight: 5,
  outWidth: 6,
  outChannels: 8,
  kernel: 3,
  stride: 1,
  padding: 1,
  bias: true,
  slope: 0,
};

export const shader = (code: string): Shader => ({ code, workgroups: [1, 1, 1] });
export const at = (binding: number, name: string, access: string) =>
  `@group(0) @binding(${binding}) var<storage, ${access}> ${name}: array<f32>;\n`;
export const MAIN = "@compute @workgroup_size(1) fn main()";

export type Fault = (stages: Stages) => Stages;
export const withCode = (edit: (code: string) => string): Fault => (stages) => ({
  ...stages,
  dispatches: stages.dispatches.map((stage) => ({
    ...stage,
    shader: { ...stage.shader, code: edit(stage.shader.code) },
  })),
});
export const then =
  (code: string, bindings: Stages["dispatches"][0]["bindings"], bytes: number[] = []): Fault => (stages) => ({
    scratch: [...stages.scratch, ...bytes],
    dispatches: [...stages.dispatches, { shader: shader(code), bindings }],
  });

export type Faulty = { readonly fault: string };

/** The plain convolution, and as candidates what `faults` make of it; counts what it generates. */
export function faultyOp(faults: Readonly<Record<string, Fault>>, problem = PROBLEM): Op {
  const kernel: Kernel<ConvForwardProblem, Faulty> = {
    name: "faulty",
    tunings: () => Object.keys(faults).map((fault) => ({ fault })),
    stages: (problem, { fault }) => faults[fault]!(convForward.stages(problem, PLAIN_PRODUCT)),
    cost: convForward.cost,
  };
  const { batch, height, width, inChannels, outChannels, kernel: size } = problem;
  const reads = [
    tensor("x", [batch, height, width, inChannels]),
    tensor("w", [size, size, inChannels, outChannels] as number[]),
  ];
  const y = tensor("y", [batch, height, width, outChannels]);
  return op(kernel, problem, { label: "conv", reads: [...reads, tensor("b", [outChannels])], writes: [y] });
}

export const SEARCH = {
  seconds: 60,
  spent: 0,
  again: false,
  stop: () => false,
  onCandidate: () => {},
  onOutcome: () => {},
};

export const same: Fault = (stages) => stages;
