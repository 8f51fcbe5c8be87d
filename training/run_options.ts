/** What a run is started with. */
import type { Config } from "../configs/schema.ts";
import type { Context } from "../core/device/device.ts";
import type { Tuner } from "../core/graph/tuner.ts";
import type { EpochMetrics, StepMetrics } from "../report/metrics.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { Report, Source } from "./preprocess.ts";
import type { RunLock } from "./run_lock.ts";
import type { Status } from "./status.ts";

/** What a resumed run brings: its config, checkpoint, finished epochs, and what is known of their steps. */
export interface Resumed {
  readonly config: Config;
  readonly checkpoint: Checkpoint;
  readonly rows: readonly EpochMetrics[];
  readonly stepRows?: readonly StepMetrics[];
}

/** What is shown while it runs. */
export interface RunScreen {
  line(text: string): void;
  readonly report: Report;
  status(status: Status): void;
  epoch(row: EpochMetrics, epochs: number): void;
}

export interface RunOptions {
  readonly config: Config;
  readonly seed: number;
  readonly source: Source;
  readonly out: string;
  readonly lock: RunLock;
  /** Where to go on; null for a new run. */
  readonly resumed: Resumed | null;
  /** Examples that go through the network at once; null for as many as fit the device. */
  readonly microBatch: number | null;
  /** Go on with other kernels, or other micro-batches, which round differently. */
  readonly allowRetune: boolean;
  /** Opens the device: once, and once after each loss. */
  readonly open: () => Promise<Context>;
  /** Chooses the kernels that no checkpoint names. */
  readonly tuner: (context: Context) => Promise<Tuner>;
  readonly screen: RunScreen;
  /** Draw curves.png? The default is yes; a browser has nothing that draws. */
  readonly draws?: boolean;
  /** Hears of what was measured, where it is kept elsewhere too. */
  readonly record?: (steps: readonly StepMetrics[], epochs: readonly EpochMetrics[]) => Promise<void>;
  /** Called before the first step. */
  readonly onStart: () => void;
  /** Asked after each step: save and stop? */
  readonly interrupted: () => boolean;
  /** Seconds before a lost device is opened again, for each loss without a new checkpoint since the one before. */
  readonly retrySeconds?: readonly number[];
}
