import * as z from "zod";
import type { ScheduleKind } from "./schedule.ts";

/** What a config says of steps. */
export interface StepsConfig {
  /** What the rate is multiplied by after each of `epochs` and `iterations`, in (0, 1]. */
  readonly factor: number;
  /** After so many epochs, growing. */
  readonly epochs: readonly number[];
  /** After so many steps, growing. */
  readonly iterations?: readonly number[] | undefined;
}

/** `StepsConfig` as it is written: without a factor, or epochs, the rate stays the same. */
export interface StepsOptions {
  /** What the rate is multiplied by after each of `epochs` and `iterations`, in (0, 1]; the default is 1. */
  readonly factor?: number | undefined;
  /** After so many epochs, growing; the default is none. */
  readonly epochs?: readonly number[] | undefined;
  /** After so many steps, growing; the default is none. */
  readonly iterations?: readonly number[] | undefined;
}

const boundaries = z.array(z.int().min(1)).superRefine((all, context) => {
  all.forEach((boundary, index) => {
    if (index === 0 || boundary > all[index - 1]!) return;
    const message = `must grow from entry to entry, ${all[index - 1]} is followed by ${boundary}`;
    context.addIssue({ code: "custom", path: [index], message });
  });
});
const passed = (boundaries: readonly number[], at: number) => boundaries.filter((boundary) => at >= boundary).length;

/** Multiplied by `factor` once after each of `epochs` and of `iterations`. The paper's S = [200, 250, 300] are epochs. */
export const steps: ScheduleKind<"steps", StepsConfig, StepsOptions> = {
  key: "steps",
  schema: z.strictObject({
    factor: z.number().gt(0).lte(1).default(1).describe("Multiplies the rate after each of `epochs` and `iterations`"),
    epochs: boundaries.default([]),
    iterations: boundaries.optional().describe("Counted in steps"),
  }),
  build: ({ factor, epochs, iterations = [] }) => (rate) => (step, place) =>
    rate(step, place) * factor ** (passed(epochs, place.epoch) + passed(iterations, step)),
};
