/** A layer of one's own, squared ReLU (So et al. 2021, arXiv 2109.08668), from its kernels in WGSL to its training. */
import { conv, elements, elementwiseKernel, globalAveragePool, type Layer, op, openDevice } from "../mod.ts";
import { openModel, sequential, type Tensor, tensor, train } from "../mod.ts";

/** Kernels of one expression in WGSL, of the elements that they read. */
const square = elementwiseKernel("squared_relu", ["x"], "max(x, 0.0) * max(x, 0.0)");
const pull = elementwiseKernel("squared_relu_pullback", ["dy", "x"], "dy * 2.0 * max(x, 0.0)");
const squaredRelu = (name: string): Layer => ({
  name,
  init: (input) => ({ output: input, params: {} }),
  forward(_params, x) {
    const problem = { count: elements(x.shape) }, y = tensor("y", x.shape), dx = tensor("dx", x.shape);
    const pullback = (dy: Tensor) => ({ ops: [op(pull, problem, { label: "dx", reads: [dy, x], writes: [dx] })], dx });
    return { ops: [op(square, problem, { label: "forward", reads: [x], writes: [y] })], y, pullback };
  },
});

const convolution = conv("conv1", { channels: 8, kernel: 3, padding: "same" });
const head = [conv("conv2", { channels: 3, kernel: 1 }), globalAveragePool("mean")];
const network = sequential("squared", [convolution, squaredRelu("square"), ...head]);
const pattern = (i: number) => [0, i % 2, (i >> 3) % 2][(i >> 6) % 3]!; // 8x8 images: noise alone, columns, rows
const images = Float32Array.from({ length: 96 * 64 }, (_, i) => pattern(i) + Math.random());
const labels = Uint32Array.from({ length: 96 }, (_, n) => n % 3);
const device = await openDevice(), model = await openModel(device, { network, input: [8, 8, 1] });
const data = { images, labels, count: 96, shape: model.input }, optimizer = { sgd: { momentum: 0.9, weightDecay: 0 } };
const rows = await train(model, data, { epochs: 8, batch: 32, learningRate: { base: 0.1 }, optimizer });
console.log(`loss with squared ReLU, epoch by epoch: ${rows.map(({ trainLoss }) => trainLoss.toFixed(2)).join(", ")}`);
device.close();
