/** Layers that know nothing of half precision, in a network that is trained in it. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Layer } from "../../core/graph/layer.ts";
import { sequential } from "../../layers/sequential.ts";
import { op } from "../../core/graph/op.ts";
import { elements, type Tensor, tensor } from "../../core/graph/tensor.ts";
import type { Kernel } from "../../kernels/kernel.ts";
import { read, write } from "../../kernels/kernel.ts";
import { elementwise } from "../../kernels/wgsl.ts";
import { conv } from "../../layers/conv.ts";
import { globalAveragePool } from "../../layers/global_average_pool.ts";
import { closeModel, openModel } from "../../training/model.ts";
import { getParams } from "../../training/params.ts";
import { train } from "../../training/train.ts";
import { gpu, relativeError } from "../_gpu.ts";
import { INPUT, stripes } from "./_tiny.ts";

/** A kernel on arrays of f32: `line` for each element i. */
function kernel(name: string, inputs: readonly string[], line: string): Kernel<{ readonly count: number }, null> {
  const arrays = [...inputs, "result"].map((array, n) =>
    `@group(0) @binding(${n}) var<storage, ${n === inputs.length ? "read_write" : "read"}> ${array}: array<f32>;`
  ).join("\n");
  const bindings = [...inputs.map((_, n) => read(n)), write(0)];
  return {
    name,
    tunings: () => [null],
    stages: ({ count }) => ({ scratch: [], dispatches: [{ shader: elementwise(count, arrays, line), bindings }] }),
    cost: ({ count }) => ({ flops: 2 * count, bytes: 4 * bindings.length * count }),
  };
}
const square = kernel("squared_relu", ["x"], "result[i] = pow(max(x[i], 0.0), 2.0);");
const pull = kernel("squared_relu_pullback", ["dy", "x"], "result[i] = dy[i] * 2.0 * max(x[i], 0.0);");
/** y = w * x with one weight per element, of four dimensions as those of a convolution; w has no gradient of its own. */
const scale = kernel("scale", ["x", "w"], "result[i] = x[i] * w[i % arrayLength(&w)];");

const squaredRelu = (name: string): Layer => ({
  name,
  init: (input) => ({ output: input, params: {} }),
  forward(_params, x) {
    const problem = { count: elements(x.shape) }, y = tensor("y", x.shape), dx = tensor("dx", x.shape);
    const pullback = (dy: Tensor) => ({ ops: [op(pull, problem, { label: "dx", reads: [dy, x], writes: [dx] })], dx });
    return { ops: [op(square, problem, { label: "forward", reads: [x], writes: [y] })], y, pullback };
  },
});

const scaled = (name: string): Layer => ({
  name,
  init: (input) => ({ output: input, params: { w: { shape: [1, ...input.slice(1)], init: { constant: 0.5 } } } }),
  forward(params, x) {
    const problem = { count: elements(x.shape) }, w = params["w"]!;
    const apply = (label: string, from: Tensor, to: Tensor) =>
      op(scale, problem, { label, reads: [from, w], writes: [to] });
    const y = tensor("y", x.shape), dx = tensor("dx", x.shape);
    return { ops: [apply("forward", x, y)], y, pullback: (dy) => ({ ops: [apply("dx", dy, dx)], dx }) };
  },
});

/** One's own layers at the start, between two convolutions, in a network of their own, and before the average. */
const network = () =>
  sequential("own", [
    scaled("scaled1"),
    conv("conv1", { channels: 8, kernel: 3, padding: "same" }),
    sequential("block", [squaredRelu("square"), scaled("scaled2")]),
    conv("conv2", { channels: 3, kernel: 1 }),
    squaredRelu("square2"),
    globalAveragePool("mean"),
  ]);

const OWN = "layers of one's own compute in float32 while the others are in half precision";
test(OWN, async () => {
  const context = await gpu();
  if (context.limits.f16 !== true) return console.log(`skipped: "${OWN}" needs a device with shader-f16`);
  const trained = async (precision: "f32" | "f16") => {
    const model = await openModel(context, { network: network(), input: INPUT }, { seed: 1 });
    const rows = await train(model, stripes(32), {
      epochs: 2,
      batch: 16,
      learningRate: { base: 0.05 },
      optimizer: { sgd: { momentum: 0.9, weightDecay: 0 } },
      precision,
    });
    const params = await getParams(model);
    closeModel(model);
    return { loss: rows[1]!.trainLoss, params };
  };
  const full = await trained("f32"), half = await trained("f16");
  assert.ok(Math.abs(half.loss / full.loss - 1) < 5e-3, `loss ${half.loss} against ${full.loss}`);
  const errors = Object.entries(full.params).map(([name, { data }]) => relativeError(half.params[name]!.data, data));
  assert.ok(Math.max(...errors) < 2e-2, `relative errors ${errors.join(", ")}`);
  assert.ok(
    Math.max(...errors) > 1e-6,
    `${full.loss} ${half.loss} ${errors} as exact as float32: was it in half precision?`,
  );
});

test.run();
