import * as z from "zod";
import type { ScheduleKind } from "./schedule.ts";

/** What a config says of a cosine. */
export interface CosineConfig {
  /** Falls along half a cosine over the whole training, to the share `final` of itself, by default 0. */
  readonly cosine?: { readonly final?: number | undefined } | undefined;
}

/**
 * Falls along half a cosine over the whole training, to `final` times itself at the last step (Loshchilov and Hutter
 * 2017, arXiv 1608.03983, without restarts).
 */
export const cosine: ScheduleKind<"cosine", CosineConfig> = {
  key: "cosine",
  schema: z.strictObject({
    cosine: z.strictObject({
      final: z.number().min(0).max(1).optional().describe("Share of the rate that is left at the last step; default 0"),
    }).optional().describe("The rate falls along half a cosine over the whole training"),
  }),
  build({ cosine }) {
    if (cosine === undefined) return (rate) => rate;
    const { final = 0 } = cosine;
    return (rate) => (step, place) =>
      rate(step, place) * (final + (1 - final) * (1 + Math.cos(Math.PI * (step / place.steps))) / 2);
  },
};
