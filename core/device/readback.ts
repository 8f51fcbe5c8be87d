/** Running one plan again and again, and reading what it computed: one submission each, on buffers that are kept. */
import { bytesOf, type Tensor } from "../graph/tensor.ts";
import type { Context } from "./device.ts";
import { encodePlans, type Plan } from "./plan.ts";

export interface Readback {
  /**
   * Submits the plan, `before` encoded in front of it, and resolves with the bytes of the tensors. Calls may overlap: the
   * device takes them in their order. Throws where the device failed.
   */
  run(before?: (encoder: GPUCommandEncoder) => void): Promise<readonly ArrayBuffer[]>;
  /** Frees the buffers; nothing may be running. */
  destroy(): void;
}

/** A mapped range begins at a multiple of it. */
const ALIGNMENT = 8;

export function readback({ device, check }: Context, plan: Plan, tensors: readonly Tensor[]): Readback {
  const idle: GPUBuffer[] = [];
  let size = 0;
  const places = tensors.map((tensor) => {
    const place = { tensor, offset: size, bytes: bytesOf(tensor) };
    size = Math.ceil((size + place.bytes) / ALIGNMENT) * ALIGNMENT;
    return place;
  });
  const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
  return {
    async run(before) {
      check();
      const staging = idle.pop() ?? device.createBuffer({ label: "readback", size, usage });
      const encoder = device.createCommandEncoder();
      before?.(encoder);
      encodePlans(encoder, [plan]);
      for (const { tensor, offset, bytes } of places) {
        encoder.copyBufferToBuffer(plan.buffers.get(tensor.buffer)!, tensor.offset, staging, offset, bytes);
      }
      device.queue.submit([encoder.finish()]);
      await staging.mapAsync(GPUMapMode.READ).catch(async (error) => {
        await Promise.resolve(); // lets `device.lost` be heard, whose message says more
        check();
        throw error;
      });
      const range = staging.getMappedRange();
      const found = places.map(({ offset, bytes }) => range.slice(offset, offset + bytes));
      staging.unmap();
      idle.push(staging);
      check();
      return found;
    },
    destroy: () => idle.splice(0).forEach((buffer) => buffer.destroy()),
  };
}
