import * as z from "zod";
import type { ScheduleKind } from "./schedule.ts";

/** What a config says of an exponential fall. */
export interface ExponentialConfig {
  /** The rate falls as exp(-decay * epoch), epochs counted from 0; the default is 0. */
  readonly decay?: number | undefined;
}

/** Multiplied by exp(-decay * epoch). */
export const exponential: ScheduleKind<"exponential", ExponentialConfig> = {
  key: "exponential",
  schema: z.strictObject({
    decay: z.number().min(0).max(100).optional().describe(
      "The rate falls as exp(-decay * epoch), epochs counted from 0",
    ),
  }),
  build: ({ decay = 0 }) => (rate) => (step, place) => rate(step, place) * Math.exp(-decay * place.epoch),
};
