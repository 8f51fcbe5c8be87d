/** What the page and the worker that trains say to each other. */
import type { EpochMetrics } from "../report/metrics.ts";
import type { Status } from "../training/status.ts";

/** Where a training keeps its files, in the browser's storage. */
export const TRAINING = "site/training";

/** To the worker. "lose" ends the device as a driver's reset would: tests see by it what becomes of the training. */
export type Order = "go on" | "start again" | "stop" | "lose";

/** From the worker, one key each. */
export type Told =
  | { readonly line: string }
  | { readonly status: Status }
  | { readonly rows: readonly EpochMetrics[]; readonly epochs: number }
  /** It stopped as it was told to. */
  | { readonly stopped: true }
  /** It has ended: the file of its last checkpoint. */
  | { readonly trained: Uint8Array<ArrayBuffer> }
  /** One line for people. */
  | { readonly error: string };
