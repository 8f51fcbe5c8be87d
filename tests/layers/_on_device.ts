/** Forward and backward pass of a layer on the device. */
import { compile, run } from "../../core/device/plan.ts";
import type { Buffers } from "../../core/device/plan.ts";
import { readTensors, writeTensor } from "../../core/device/transfer.ts";
import type { Layer, Rule } from "../../core/graph/layer.ts";
import { stepTensor } from "../../core/graph/step_data.ts";
import { type DType, elements, type Shape, type Tensor, tensor } from "../../core/graph/tensor.ts";
import { defaultTuner } from "../../core/graph/tuner.ts";
import { pack, unpacked } from "../_float16.ts";
import { gpu } from "../_gpu.ts";

type Named = Readonly<Record<string, ArrayLike<number>>>;

/** y, the gradients of x ("x") and of the parameters for `dy`, and the parameters and state afterwards. */
export async function onDevice(
  layer: Layer,
  { shape, x, values, dy, mode = "train", rule = "gradient", switches = true, half = false }: {
    readonly shape: Shape;
    readonly x: ArrayLike<number>;
    /** Parameters and state. */
    readonly values: Named;
    readonly dy: ArrayLike<number>;
    readonly mode?: "train" | "eval";
    readonly rule?: Rule;
    readonly switches?: boolean;
    /** Are x and the weights that the layer names in half precision? They must be numbers that it holds. */
    readonly half?: boolean;
  },
): Promise<{ y: Float32Array; grads: Record<string, Float32Array>; values: Record<string, Float32Array> }> {
  const context = await gpu(), buffers: Buffers = new Map(), { output, params: specs, state = {} } = layer.init(shape);
  const load = async (name: string, shape: Shape, data: ArrayLike<number>, dtype: DType = "f32") => {
    const made = tensor(name, shape, { lifetime: "persistent", dtype });
    await writeTensor(context, buffers, made, dtype === "f16" ? pack(data) : Float32Array.from(data));
    return made;
  };
  const type = (name: string) => half && layer.half?.includes(name) ? "f16" : "f32";
  const params: Record<string, Tensor> = {}, grads: Record<string, Tensor> = {};
  for (const [name, { shape }] of Object.entries({ ...specs, ...state })) {
    params[name] = await load(name, shape, values[name]!, type(name));
    if (name in specs) grads[name] = await load(`grads/${name}`, shape, new Float32Array(elements(shape)));
  }
  const step = stepTensor();
  await writeTensor(context, buffers, step, new Uint32Array(4));
  const input = await load("x", shape, x, half ? "f16" : "f32");
  const { ops, y, pullback } = layer.forward(params, input, { mode, step, path: "" });
  const signal = await load("dy", output, dy, y.dtype);
  const back = pullback(signal, { rule, grads, input: true, switches });
  const plan = await compile(
    context,
    { ops: [...ops, ...back.ops], keep: [y, back.dx!] },
    defaultTuner(context.limits),
    buffers,
  );
  run(context, plan);
  const read = async (tensors: Readonly<Record<string, Tensor>>) => {
    const bytes = await readTensors(context, plan.buffers, Object.values(tensors));
    return Object.fromEntries(
      Object.entries(tensors).map(([name, { dtype, shape }], i) => [
        name,
        dtype === "f16" ? unpacked(new Uint32Array(bytes[i]!), elements(shape)) : new Float32Array(bytes[i]!),
      ]),
    );
  };
  const { y: result, ...all } = await read({ y, x: back.dx!, ...grads });
  const found = { y: result!, grads: all, values: await read(params) };
  context.check();
  plan.destroy();
  buffers.forEach((buffer) => buffer.destroy());
  return found;
}
