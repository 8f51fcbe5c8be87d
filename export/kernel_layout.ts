/** Kernels of convolutions: ours are [height, width, in, out], those of PyTorch and ONNX [out, in, height, width]. */
import type { HostTensor } from "../core/host/safetensors.ts";
import { elements, type Shape } from "../core/graph/tensor.ts";

/** Dimension i of the result is dimension `order[i]` of the tensor; a vector stays as it is. */
function permuted({ shape, data }: HostTensor, order: readonly [number, number, number, number]): HostTensor {
  if (shape.length !== 4) return { shape, data };
  const to = permutedShape(shape, order), result = new Float32Array(data.length);
  const stride = order.map((dimension) => elements(shape.slice(dimension + 1)));
  let at = 0;
  for (let i = 0; i < to[0]!; i++) {
    for (let j = 0; j < to[1]!; j++) {
      for (let k = 0; k < to[2]!; k++) {
        const from = i * stride[0]! + j * stride[1]! + k * stride[2]!;
        for (let l = 0; l < to[3]!; l++) result[at++] = data[from + l * stride[3]!]!;
      }
    }
  }
  return { shape: to, data: result };
}

const permutedShape = (shape: Shape, order: readonly number[]): Shape =>
  shape.length === 4 ? order.map((dimension) => shape[dimension]!) : shape;

const OIHW = [3, 2, 0, 1] as const, HWIO = [2, 3, 1, 0] as const;

/** A kernel of ours as [out, in, height, width]; biases stay as they are. */
export const toOihw = (tensor: HostTensor): HostTensor => permuted(tensor, OIHW);
/** The shape of `toOihw`'s result. */
export const oihwShape = (shape: Shape): Shape => permutedShape(shape, OIHW);
/** The inverse of `toOihw`. */
export const toHwio = (tensor: HostTensor): HostTensor => permuted(tensor, HWIO);
