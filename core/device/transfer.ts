/** Between host arrays and device tensors. */
import type { Context } from "./device.ts";
import { createBuffer } from "./buffers.ts";
import type { Buffers } from "./plan.ts";
import { bytesOf, type Tensor } from "../graph/tensor.ts";

/** Bytes of one queue write: bounds the staging memory that Dawn holds. */
const CHUNK = 32 * 2 ** 20;

/** Copies `data` into a persistent tensor, creating its buffer where there is none. */
export async function writeTensor(
  context: Context,
  buffers: Buffers,
  tensor: Tensor,
  data: Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>,
): Promise<void> {
  if (data.byteLength !== bytesOf(tensor)) {
    throw new Error(`Tensor ${tensor.buffer.label} holds ${bytesOf(tensor)} bytes, got ${data.byteLength}`);
  }
  context.check();
  let buffer = buffers.get(tensor.buffer);
  if (buffer === undefined) {
    buffer = await createBuffer(context, tensor.buffer.label, tensor.buffer.bytes);
    buffers.set(tensor.buffer, buffer);
  }
  for (let start = 0; start < data.byteLength; start += CHUNK) {
    const size = Math.min(CHUNK, data.byteLength - start);
    context.device.queue.writeBuffer(buffer, tensor.offset + start, data.buffer, data.byteOffset + start, size);
    if (data.byteLength > CHUNK) await context.device.queue.onSubmittedWorkDone();
  }
}

/** Copies tensors to the host, in one submission. All pending work is finished then. */
export async function readTensors(
  { device, check }: Context,
  buffers: Buffers,
  tensors: readonly Tensor[],
): Promise<ArrayBuffer[]> {
  check();
  const encoder = device.createCommandEncoder();
  const stagings = tensors.map((tensor) => {
    const size = bytesOf(tensor);
    const staging = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    encoder.copyBufferToBuffer(buffers.get(tensor.buffer)!, tensor.offset, staging, 0, size);
    return staging;
  });
  device.queue.submit([encoder.finish()]);
  return await Promise.all(stagings.map(async (staging) => {
    await staging.mapAsync(GPUMapMode.READ).catch(async (error) => {
      await Promise.resolve(); // lets `device.lost` be heard, whose message says more
      check();
      throw error;
    });
    const bytes = staging.getMappedRange().slice(0);
    staging.destroy();
    return bytes;
  }));
}

/** One f32 tensor, copied to the host. */
export async function readTensor(
  context: Context,
  buffers: Buffers,
  tensor: Tensor,
): Promise<Float32Array<ArrayBuffer>> {
  return new Float32Array((await readTensors(context, buffers, [tensor]))[0]!);
}
