/** All schedules of the learning rate. To add one, write its file and name it in the list. */
import * as z from "zod";
import { kindList } from "../../core/kinds/kinds.ts";
import { cosine, type CosineConfig } from "./cosine.ts";
import { UserError } from "../../core/host/errors.ts";
import { exponential, type ExponentialConfig } from "./exponential.ts";
import { oneCycle, type OneCycleConfig } from "./one_cycle.ts";
import type { Schedule } from "./schedule.ts";
import { steps, type StepsConfig, type StepsOptions } from "./steps.ts";
import { warmup, type WarmupConfig } from "./warmup.ts";

/** Each changes the rate that comes from those before it. */
const KINDS = [steps, exponential, cosine, oneCycle, warmup] as const;

/** What `training.learningRate` of a config says, defaults filled in: a rate, and how it changes. */
export interface LearningRateConfig extends StepsConfig, ExponentialConfig, CosineConfig, OneCycleConfig, WarmupConfig {
  /** The rate that the others change. */
  readonly base: number;
}
/** `LearningRateConfig` as it is written. */
export interface LearningRateOptions
  extends StepsOptions, ExponentialConfig, CosineConfig, OneCycleConfig, WarmupConfig {
  /** The rate that the others change. */
  readonly base: number;
}

type Keys = Readonly<Record<string, z.ZodType>>;
const base: Keys = { base: z.number().gt(0).max(1e30) };
const keys = Array.from(kindList("schedule", KINDS), ({ schema }) => (schema as unknown as { shape: Keys }).shape);
kindList("learning rate", [base, ...keys].flatMap((each) => Object.keys(each).map((key) => ({ key })))); // each once

const whole = z.strictObject(Object.assign({}, base, ...keys) as Keys);

/** A number alone is a rate that stays. */
export const learningRateSchema: z.ZodType<LearningRateConfig, LearningRateOptions | number> = z.union([
  base["base"]!.transform((rate) => whole.parse({ base: rate })),
  whole,
]) as unknown as z.ZodType<LearningRateConfig, LearningRateOptions | number>;

/** The schedule of a config: its base, changed by all that the config has keys of. */
export function scheduleOf(config: LearningRateConfig): Schedule {
  return KINDS.reduce<Schedule>((rate, { build }) => build(config)(rate), () => config.base);
}

/** A schedule of one's own, which must return rates. Throws `UserError`, when it is called, where it does not. */
export function checkedSchedule(rate: Schedule): Schedule {
  return (step, place) => {
    const value: unknown = rate(step, place);
    if (typeof value === "number" && value >= 0 && value < Infinity) return value;
    throw new UserError(
      `The learning rate of step ${step + 1} is ${value}: a schedule returns a number of at least 0 for each step`,
    );
  };
}
