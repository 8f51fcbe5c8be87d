/** How examples are visited once. */
export interface PassOptions {
  /** Examples of a batch. */
  readonly batch: number;
  readonly batches: number;
  /** An epoch of training, or what is left of it; null for an evaluation: all examples as they are, in their order. */
  readonly training: {
    readonly seed: number;
    readonly epoch: number;
    /** Of the first batch. */
    readonly firstStep: number;
    /** The place in the epoch of the first example. */
    readonly first: number;
    /** Are images distorted on their canvas, if the config distorts any? */
    readonly distorts: boolean;
  } | null;
}

/** Batches on their way to the device. */
export interface Pass {
  /** Puts the next batch on the device, before its step is submitted; null where all examples are there already. */
  readonly next: (() => Promise<void>) | null;
  /** Gives the rest up. */
  close(): void;
}
