/** Real buffers on the device. */
import type { Context } from "./device.ts";
import { TooLargeError } from "./errors.ts";
import { totalMemory } from "./runtime.ts";

/** "12.3 MiB" */
export function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

/** Throws `TooLargeError` where `bytes` in main memory are more than this machine has: asking for them may end the process. */
export function checkMemory(what: string, bytes: number): void {
  const most = totalMemory();
  if (bytes > most) {
    throw new TooLargeError(`Cannot hold ${what}: they take ${mebibytes(bytes)}, this machine has ${mebibytes(most)}`);
  }
}

/** Creates a storage buffer. Throws `TooLargeError` where the device has not enough memory. */
export async function createBuffer({ device }: Context, label: string, bytes: number): Promise<GPUBuffer> {
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
      `Cannot allocate ${mebibytes(bytes)} on the device for ${label}: ${error.message.split("\n")[0]}; ` +
        "use a smaller batch (--set training.batch=N)",
    );
  }
  return buffer;
}
