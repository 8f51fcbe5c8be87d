import * as z from "zod";
import type { ScheduleKind } from "./schedule.ts";

/** Shares of the whole training and of the rate; what is left out is as in PyTorch's OneCycleLR. */
export interface OneCycleOptions {
  /** Share of the steps after which the rate is whole, in (0, 1); the default is 0.3. */
  readonly peakAt?: number | undefined;
  /** Share of the rate at the first step; the default is 1 / 25. */
  readonly start?: number | undefined;
  /** Share of the rate at the last step; the default is 1 / 250 000. */
  readonly final?: number | undefined;
}

/** What a config says of one cycle. */
export interface OneCycleConfig {
  /** Rises to the rate and falls again, once over the whole training. */
  readonly oneCycle?: OneCycleOptions | undefined;
}

/**
 * Rises from a share of the rate to the rate and falls to nearly nothing, both along half a cosine (Smith and Topin 2018,
 * arXiv 1708.07120; the formula of PyTorch's OneCycleLR with `anneal_strategy` cos, whose momentum stays).
 */
export const oneCycle: ScheduleKind<"oneCycle", OneCycleConfig> = {
  key: "oneCycle",
  schema: z.strictObject({
    oneCycle: z.strictObject({
      peakAt: z.number().gt(0).lt(1).optional().describe(
        "Share of the steps after which the rate is whole; default 0.3",
      ),
      start: z.number().min(0).max(1).optional().describe("Share of the rate at the first step; default 1/25"),
      final: z.number().min(0).max(1).optional().describe("Share of the rate at the last step; default 1/250000"),
    }).optional().describe("The rate rises to its value and falls again, once over the whole training"),
  }),
  build({ oneCycle }) {
    if (oneCycle === undefined) return (rate) => rate;
    const { peakAt = 0.3, start = 1 / 25, final = 1 / 25e4 } = oneCycle;
    const between = (from: number, to: number, share: number) => to + (from - to) * (1 + Math.cos(Math.PI * share)) / 2;
    return (rate) => (step, place) => {
      const peak = peakAt * place.steps - 1, last = place.steps - 1;
      const share = step <= peak ? between(start, 1, step / peak) : between(1, final, (step - peak) / (last - peak));
      return rate(step, place) * share;
    };
  },
};
