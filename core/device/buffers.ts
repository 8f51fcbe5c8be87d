/** Real buffers on the device. */
import type { Context } from "./device.ts";
import { firstLine, TooLargeError } from "../host/errors.ts";
import { mebibytes } from "../host/memory.ts";

/** Creates a storage buffer. Throws `TooLargeError` where the device has not enough memory. */
export async function createBuffer({ device, check }: Context, label: string, bytes: number): Promise<GPUBuffer> {
  check();
  const size = Math.max(16, Math.ceil(bytes / 16) * 16);
  device.pushErrorScope("out-of-memory");
  device.pushErrorScope("validation");
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const buffer = device.createBuffer({ label, size, usage });
  // Both before the first await: the scopes are a stack that concurrent work shares.
  const invalid = device.popErrorScope(), full = device.popErrorScope();
  const error = await invalid ?? await full;
  if (error !== null) {
    throw new TooLargeError(
      ({ smallerBatch }) =>
        `Cannot allocate ${mebibytes(bytes)} on the device for ${label}: ${firstLine(error)}; use ${smallerBatch}`,
    );
  }
  return buffer;
}
