import * as z from "zod";
import type { ScheduleKind } from "./schedule.ts";

/** What a config says of a warm-up. */
export interface WarmupConfig {
  /** Steps in which the rate rises to its value, in equal steps; the default is 0. */
  readonly warmup?: number | undefined;
}

/** In the first `warmup` steps the rate rises to what it would be, in equal steps (Goyal et al. 2017, arXiv 1706.02677). */
export const warmup: ScheduleKind<"warmup", WarmupConfig> = {
  key: "warmup",
  schema: z.strictObject({
    warmup: z.int().min(0).max(1e9).optional().describe("Steps in which the rate rises to its value, in equal steps"),
  }),
  build: ({ warmup = 0 }) => (rate) => (step, place) =>
    step < warmup ? rate(step, place) * (step + 1) / warmup : rate(step, place),
};
