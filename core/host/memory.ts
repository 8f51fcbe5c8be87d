/** What main memory can hold. */
import { TooLargeError } from "./errors.ts";
import { totalMemory } from "./process.ts";

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
