/**
 * Softmax, cross-entropy and its gradient, for one label per example:
 *
 *   loss[n] = log(sum over k of exp(z[n,k])) - z[n, label]
 *   dz[n,k] = (softmax(z[n])[k] - (k == label)) / examples
 *   results[n] = (loss, 1 if the first largest logit is not the label's, 1)
 *
 * With a loss scale, dz is multiplied by it (loss_scale.ts).
 *
 * An example whose label is NO_LABEL pads an incomplete batch: its results and gradient are 0. One thread per example.
 */
import { NO_LABEL } from "../labels.ts";
import { LOSS_SCALE } from "./loss_scale.ts";
import { elementwise, f32, foldWorkgroups } from "../wgsl.ts";
import { FIXED, type Fixed, type Kernel, read, write } from "../kernel.ts";

export interface SoftmaxCrossEntropyProblem {
  readonly batch: number;
  readonly classes: number;
  /**
   * Write the gradient of the mean loss of so many examples too? More than `batch`, where that is a part of them.
   * `scaled`: multiplied by the loss scale; absent: as it is.
   */
  readonly gradient: { readonly examples: number; readonly scaled?: true } | null;
}

/** Reads logits [batch, classes], labels (u32) and, if scaled, the loss scale, writes results [batch, 4] and, if asked for, dlogits. */
export const softmaxCrossEntropy: Kernel<SoftmaxCrossEntropyProblem, Fixed> = {
  name: "softmax_cross_entropy",
  tunings: () => FIXED,
  stages({ batch, classes, gradient }) {
    const scaled = gradient?.scaled === true;
    const dlogits = (value: string) =>
      gradient !== null ? `for (var k = 0u; k < ${classes}u; k++) { dlogits[row + k] = ${value}; }` : "";
    const shader = elementwise(
      batch,
      `@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<u32>;
@group(0) @binding(2) var<storage, read_write> results: array<vec4f>;
${gradient !== null ? "@group(0) @binding(3) var<storage, read_write> dlogits: array<f32>;" : ""}${
        scaled ? `${LOSS_SCALE}\n@group(0) @binding(4) var<storage, read> loss_scale: LossScale;` : ""
      }`,
      `  let row = i * ${classes}u;
  let label = labels[i];
  if (label == ${NO_LABEL}u) {
    results[i] = vec4f();
    ${dlogits("0.0")}
    return;
  }
  var largest = logits[row];
  var predicted = 0u;
  for (var k = 1u; k < ${classes}u; k++) {
    if (logits[row + k] > largest) { largest = logits[row + k]; predicted = k; }
  }
  var sum = 0.0;
  for (var k = 0u; k < ${classes}u; k++) { sum += exp(logits[row + k] - largest); }
  let loss = log(sum) + largest - logits[row + label];
  results[i] = vec4f(loss, select(0.0, 1.0, predicted != label), 1.0, 0.0);
  ${
        dlogits(
          `(exp(logits[row + k] - largest) / sum - select(0.0, 1.0, k == label)) * ${
            f32(1 / (gradient?.examples ?? batch))
          }${scaled ? " * loss_scale.scale" : ""}`,
        )
      }`,
    );
    const bindings = [
      read(0),
      read(1),
      write(0),
      ...(gradient !== null ? [write(1)] : []),
      ...(scaled ? [read(2)] : []),
    ];
    return { scratch: [], dispatches: [{ shader, bindings }] };
  },
  cost: ({ batch, classes }) => ({ flops: 6 * batch * classes, bytes: 8 * batch * classes }),
};

const THREADS = 64;

/**
 * Adds the results of a batch to the running totals: metrics = metrics + sum over n of results[n]. One workgroup, a
 * fixed order of addition. Reads results [batch, 4], adds to metrics (loss, errors, examples, unused).
 */
export const accumulateMetrics: Kernel<{ readonly batch: number }, Fixed> = {
  name: "accumulate_metrics",
  tunings: () => FIXED,
  stages({ batch }) {
    const code = `@group(0) @binding(0) var<storage, read> results: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> metrics: array<vec4f>;
var<workgroup> sums: array<vec4f, ${THREADS}>;
@compute @workgroup_size(${THREADS})
fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = vec4f();
  for (var k = 0u; k < ${Math.ceil(batch / THREADS)}u; k++) {
    let n = k * ${THREADS}u + lane;
    if (n < ${batch}u) { sum += results[n]; }
  }
  sums[lane] = sum;
  workgroupBarrier();
  if (lane == 0u) {
    for (var k = 1u; k < ${THREADS}u; k++) { sum += sums[k]; }
    metrics[0] += sum;
  }
}
`;
    return {
      scratch: [],
      dispatches: [{ shader: { code, workgroups: foldWorkgroups(1) }, bindings: [read(0), write(0)] }],
    };
  },
  cost: ({ batch }) => ({ flops: 4 * batch, bytes: 16 * batch }),
};
