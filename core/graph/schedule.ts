/** Where a training stands: `epoch` counts from 0, `steps` is how many the whole training has. */
export interface Place {
  readonly epoch: number;
  readonly steps: number;
}

/** The learning rate of a step, counted from 0. */
export type Schedule = (step: number, place: Place) => number;

/**
 * `base`, multiplied by `factor` once after each of `epochs` and of `iterations`, and by exp(-decay * epoch). The paper's
 * S = [200, 250, 300] are epochs with factor 0.1. With `cosine` it also falls along half a cosine, to `final` times
 * itself at the last step (Loshchilov and Hutter 2017, arXiv 1608.03983, without restarts); in the first `warmup` steps
 * it rises in equal steps (Goyal et al. 2017, arXiv 1706.02677).
 */
export function learningRateSchedule({ base, factor, epochs = [], iterations = [], decay = 0, cosine, warmup = 0 }: {
  readonly base: number;
  readonly factor: number;
  readonly epochs?: readonly number[] | undefined;
  /** Counted in steps. */
  readonly iterations?: readonly number[] | undefined;
  readonly decay?: number | undefined;
  readonly cosine?: { readonly final?: number | undefined } | undefined;
  /** Counted in steps. */
  readonly warmup?: number | undefined;
}): Schedule {
  const passed = (boundaries: readonly number[], at: number) => boundaries.filter((boundary) => at >= boundary).length;
  const fallen = (share: number, final: number) => final + (1 - final) * (1 + Math.cos(Math.PI * share)) / 2;
  return (step, { epoch, steps }) => {
    const stepped = base * factor ** (passed(epochs, epoch) + passed(iterations, step)) * Math.exp(-decay * epoch);
    const rate = cosine === undefined ? stepped : stepped * fallen(step / steps, cosine.final ?? 0);
    return step < warmup ? rate * (step + 1) / warmup : rate;
  };
}
