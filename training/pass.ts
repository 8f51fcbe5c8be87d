/** Visiting examples once, batch by batch. */
import type { PlanLoop, Submission } from "../core/device/run_plans.ts";
import { permutation } from "../core/graph/random.ts";

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

/** The order of an epoch, over its places: what comes after all examples are the first ones again. */
export function orderOf(
  { count, places }: { readonly count: number; readonly places: number },
  { seed, epoch }: { readonly seed: number; readonly epoch: number },
): Uint32Array<ArrayBuffer> {
  const order = permutation(count, seed, epoch);
  return places === count ? order : Uint32Array.from({ length: places }, (_, place) => order[place % count]!);
}

/** Batches on their way to the device. */
export interface Pass {
  /** Puts the next batch on the device, before its step is submitted; null where all examples are there already. */
  readonly next: (() => Promise<void>) | null;
  /** Gives the rest up. */
  close(): void;
}

/** What runs for each batch of a pass, counted from 0. */
export interface PassSteps {
  readonly step: (at: number) => readonly Submission[];
  /** Called once it was submitted; ends the pass where it returns false. */
  readonly after: (at: number) => Promise<boolean> | boolean;
}

/** Takes a step for each batch of a pass and closes it. Returns false where `after` ended it. */
export async function runPass(loop: PlanLoop, pass: Pass, batches: number, steps: PassSteps): Promise<boolean> {
  try {
    for (let at = 0; at < batches; at++) {
      await loop.run(steps.step(at), pass.next);
      if (!await steps.after(at)) return false;
    }
  } finally {
    pass.close();
  }
  return true;
}
