/** Every kind of layer: beside what it exports, in PyTorch in float64 and in ONNX Runtime, and in half precision. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { elements, type Shape, type Tensor, tensor } from "../../core/graph/tensor.ts";
import type { Layer } from "../../core/graph/layer.ts";
import { receptiveField } from "../../explain/receptive_field.ts";
import { onnxModel } from "../../export/onnx.ts";
import { activation } from "../../layers/activation.ts";
import { averagePool } from "../../layers/average_pool.ts";
import { batchNorm } from "../../layers/batch_norm.ts";
import { conv } from "../../layers/conv.ts";
import { dense } from "../../layers/dense.ts";
import { describeLayer } from "../../layers/layer_kind.ts";
import { maxPool } from "../../layers/max_pool.ts";
import { residual } from "../../layers/residual.ts";
import { sequential } from "../../layers/sequential.ts";
import type { Limits } from "../../kernels/kernel.ts";
import { gpu, random, relativeError } from "../_gpu.ts";
import { runOnnx } from "../export/_onnx.ts";
import { onDevice } from "./_on_device.ts";
import { hasTorch, inTorch } from "./_torch.ts";

const SHAPE = [2, 7, 6, 4] as const;
const LAYERS: readonly (readonly [layer: Layer, shape: Shape])[] = [
  [dense("layer", { channels: 5 }), SHAPE],
  [dense("layer", { channels: 8, activation: "relu" }), [3, 1, 1, 12]],
  [batchNorm("layer"), SHAPE],
  [activation("layer"), SHAPE],
  [activation("layer", { function: { leakyRelu: { slope: 0.25 } } }), SHAPE],
  [activation("layer", { function: "gelu" }), SHAPE],
  [activation("layer", { function: "silu" }), SHAPE],
  [maxPool("layer", { kernel: 3, stride: 2 }), SHAPE],
  [maxPool("layer", { kernel: 3, stride: 2, rounding: "down" }), [2, 8, 6, 4]],
  [maxPool("layer", { kernel: [3, 2], stride: [2, 1], padding: 1, rounding: "down" }), SHAPE],
  [maxPool("layer", { kernel: 3, stride: 2, padding: { top: 2, right: 1 } }), SHAPE],
  [averagePool("layer", { kernel: 2, stride: 2 }), SHAPE],
  [averagePool("layer", { kernel: 3, stride: 2, padding: 1 }), SHAPE],
  [averagePool("layer", { kernel: [3, 4], stride: [1, 2], padding: "same", countPadding: true }), SHAPE],
  [averagePool("layer", { kernel: 3, stride: 2, padding: { top: 2, right: 1 } }), SHAPE],
  [conv("layer", { channels: 8, kernel: 3, padding: "same", stride: 2 }), SHAPE],
  [conv("layer", { channels: 8, kernel: [3, 5], padding: "same", activation: "relu" }), SHAPE],
  [conv("layer", { channels: 5, kernel: [2, 3], stride: [2, 1], padding: { top: 1, left: 2, right: 1 } }), SHAPE],
  [conv("layer", { channels: 4, kernel: [1, 3], stride: [1, 2], padding: [0, 1] }), SHAPE],
  [
    residual("layer", [batchNorm("a"), conv("b", { channels: 6, kernel: 3, stride: 2, padding: 1 })], {
      projection: true,
    }),
    SHAPE,
  ],
  [
    residual("layer", [conv("a", { channels: 6, kernel: 3, stride: [1, 3], padding: 1 })], { projection: true }),
    SHAPE,
  ],
  [residual("layer", [conv("a", { channels: 4, kernel: [3, 1], padding: "same" }), activation("b")]), SHAPE],
];

/** Numbers for x, dy, parameters and state. */
function drawn(layer: Layer, shape: Shape) {
  const { output, params, state = {} } = layer.init(shape);
  const values = Object.fromEntries(
    Object.entries({ ...params, ...state }).map(([name, { shape }], i) => {
      const numbers = random(elements(shape), 10 + i);
      return [name, /gamma|variance/.test(name) ? numbers.map((value) => value + 1.5) : numbers];
    }),
  );
  const given = { shape, x: random(elements(shape), 1), dy: random(elements(output), 2), values };
  return { given, output, params, state };
}

function close(ours: ArrayLike<number>, theirs: ArrayLike<number>, most: number, what: string): void {
  const error = relativeError(ours, theirs);
  assert.ok(error < most, `${what}: ${error}`);
}

/** [batch, channels * positions] as [batch, positions, channels]. */
function channelsLast(values: Float32Array, [, height, width, channels]: Shape): Float32Array {
  const positions = height! * width!;
  return values.map((_, i) => {
    const n = Math.floor(i / positions / channels!), at = Math.floor(i / channels!) % positions, c = i % channels!;
    return values[(n * channels! + c) * positions + at]!;
  });
}

const torch = hasTorch();
if (!torch) console.log("skipped: the comparison of every kind of layer with PyTorch, as python3 has no torch");

/** All at once: starting PyTorch takes longer than all of them. */
let found: ReturnType<typeof inTorch> | null = null;
const theirsOf = (index: number) =>
  (found ??= inTorch(LAYERS.map(([layer, shape]) => ({ layer, ...drawn(layer, shape).given }))))[index]!;

LAYERS.forEach(([layer, shape], index) => {
  const { given, output, params, state } = drawn(layer, shape), title = `${index + 1}, ${describeLayer(layer)}`;

  if (torch) {
    test(`${title}: outputs, gradients and state are PyTorch's`, async () => {
      const ours = await onDevice(layer, given), theirs = theirsOf(index);
      close(ours.y, theirs.y, 1e-5, "y");
      for (const name of ["x", ...Object.keys(params)]) {
        close(ours.grads[name]!, theirs.grads[name as "x"]!, 1e-5, `gradient of ${name}`);
      }
      for (const name of Object.keys(state)) {
        close(ours.values[name]!, theirs.values[name]!, 1e-5, `${name} afterwards`);
      }
    });
  }

  test(`${title}: ONNX Runtime gives the same outputs`, async () => {
    const { y } = await onDevice(layer, { ...given, mode: "eval" }), image = shape.slice(1) as [number, number, number];
    const network = sequential("net", [layer]), classes = Array.from({ length: elements(output) / shape[0]! }, String);
    const tensors = Object.fromEntries(
      Object.entries({ ...params, ...state }).map(([name, { shape }]) => {
        return [`layer/${name}`, { shape, data: Float32Array.from(given.values[name]!) }];
      }),
    );
    const model = onnxModel({ network, dataset: null, params: tensors, whitening: null, image, classes });
    const { logits } = await runOnnx(model, Float32Array.from(given.x), image);
    close(channelsLast(logits.data as Float32Array, output), y, 1e-5, "y");
  });

  test(`${title}: in half precision ops read what others write, and every kernel has shaders`, async () => {
    const { ops, y, dx, types } = halved(layer, shape), limits: Limits = { ...(await gpu()).limits, f16: true };
    assert.equal([y.dtype, dx.dtype], ["f16", "f16"]);
    for (const { reads, writes, kernel, problem, label } of ops) {
      for (const { buffer, dtype } of reads) assert.is(types.get(buffer) ?? dtype, dtype, buffer.label);
      for (const { buffer, dtype } of writes) types.set(buffer, dtype);
      const [tuning] = kernel.tunings(problem, limits),
        halves = [...reads, ...writes].some(({ dtype }) => dtype === "f16");
      const codes = kernel.stages(problem, tuning).dispatches.map(({ shader }) => shader.code);
      assert.is(codes.some((code) => code.startsWith("enable f16")), halves, label);
    }
  });

  test(`${title}: in half precision outputs and gradients are the same but for rounding`, async () => {
    if ((await gpu()).limits.f16 !== true) return console.log(`skipped, for want of shader-f16: ${title}`);
    const whole = await onDevice(layer, given), half = await onDevice(layer, { ...given, half: true });
    close(half.y, whole.y, 3e-3, "y");
    for (const [name, grad] of Object.entries(whole.grads)) close(half.grads[name]!, grad, 5e-3, `gradient of ${name}`);
  });
});

/** Forward and backward of a layer as mixed precision has it. */
function halved(layer: Layer, shape: Shape) {
  const { params: specs, state = {}, output } = layer.init(shape), half = new Set(layer.half);
  const all = (prefix: string, of: typeof specs) =>
    Object.fromEntries(
      Object.entries(of).map(([name, { shape }]) => {
        const dtype = prefix === "" && half.has(name) ? "f16" : "f32";
        return [name, tensor(prefix + name, shape, { dtype, lifetime: "persistent" })];
      }),
    );
  const x = tensor("x", shape, { dtype: "f16" }), step = tensor("step", [4], { dtype: "u32" });
  const pass = layer.forward({ ...all("", specs), ...all("", state) }, x, { mode: "train", step, path: "" });
  const dy = tensor("dy", output, { dtype: pass.y.dtype }), types = new Map<Tensor["buffer"], Tensor["dtype"]>();
  const back = pass.pullback(dy, { rule: "gradient", grads: all("grads/", specs), input: true, switches: true });
  return { ops: [...pass.ops, ...back.ops], y: pass.y, dx: back.dx!, types };
}

test("windows of poolings are those of their receptive fields, on both axes", () => {
  const of = (...layers: Layer[]) => receptiveField(sequential("net", layers), [20, 20, 1], "last");
  const pool = averagePool("last", { kernel: [3, 2], stride: [2, 1], padding: { top: 2, left: 1 } });
  assert.equal(of(pool), { top: -2, left: -1, height: 3, width: 2, stride: [2, 1] });
  const both = of(
    conv("conv1", { channels: 1, kernel: 3, stride: 2 }),
    maxPool("last", { kernel: 2, stride: [1, 2], padding: 1 }),
  );
  const uneven = conv("last", { channels: 1, kernel: [3, 5], stride: [2, 1], padding: { top: 1, left: 3 } });
  assert.equal(of(uneven), { top: -1, left: -3, height: 3, width: 5, stride: [2, 1] });
  assert.equal(both, { top: -2, left: -2, height: 5, width: 5, stride: [2, 4] });
});

test.run();
