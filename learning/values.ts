/** Optimizers, schedules, losses and initial values as code says them: plain data, the same that a config holds. */
import { checkOptions } from "../core/kinds/check_options.ts";
import { glorotNormal as glorotNormalKind } from "./initial_values/glorot_normal.ts";
import { heNormal as heNormalKind, type HeNormalConfig } from "./initial_values/he_normal.ts";
import { type Constructor, constructorOf } from "./kind.ts";
import { meanSquaredError as meanSquaredErrorKind } from "./losses/mean_squared_error.ts";
import { sigmoidCrossEntropy as sigmoidCrossEntropyKind } from "./losses/sigmoid_cross_entropy.ts";
import { softmaxCrossEntropy as softmaxCrossEntropyKind, type SoftmaxOptions } from "./losses/softmax_cross_entropy.ts";
import { adam as adamKind, type AdamOptions } from "./optimizers/adam.ts";
import { adamw as adamwKind } from "./optimizers/adamw.ts";
import { sgd as sgdKind, type SgdOptions } from "./optimizers/sgd.ts";
import { type LearningRateOptions, learningRateSchema } from "./schedules/mod.ts";
import type { OneCycleOptions } from "./schedules/one_cycle.ts";
import type { Schedule } from "./schedules/schedule.ts";
import type { StepsOptions } from "./schedules/steps.ts";

/** Stochastic gradient descent: `sgd({ momentum: 0.9, weightDecay: 0.001 })`, as an `optimizer`. */
export const sgd: Constructor<"sgd", SgdOptions> = constructorOf(sgdKind);
/** Adam, its weight decay added to the gradient: `adam()`, `adam({ beta1: 0.9, weightDecay: 0.0001 })`. */
export const adam: Constructor<"adam", AdamOptions> = constructorOf(adamKind);
/** Adam, its weight decay apart from the gradient: `adamw({ weightDecay: 0.01 })`. */
export const adamw: Constructor<"adamw", AdamOptions> = constructorOf(adamwKind);
/** One class per example: `softmaxCrossEntropy({ labelSmoothing: 0.1 })`, as a `loss`. */
export const softmaxCrossEntropy: Constructor<"softmaxCrossEntropy", SoftmaxOptions> = constructorOf(
  softmaxCrossEntropyKind,
);
/** Any number of classes per example; labels are targets 0 ... 1, f32 [count, classes]. */
export const sigmoidCrossEntropy: Constructor<"sigmoidCrossEntropy", Readonly<Record<string, never>>> = constructorOf(
  sigmoidCrossEntropyKind,
);
/** Regression; labels are targets, f32 [count, outputs]. */
export const meanSquaredError: Constructor<"meanSquaredError", Readonly<Record<string, never>>> = constructorOf(
  meanSquaredErrorKind,
);
/** Initial weights by He's rule: `heNormal({ fan: "out" })`, as `init`. */
export const heNormal: Constructor<"heNormal", HeNormalConfig> = constructorOf(heNormalKind);
/** Initial weights by Glorot's rule. */
export const glorotNormal: Constructor<"glorotNormal", Readonly<Record<string, never>>> = constructorOf(
  glorotNormalKind,
);

/** The schedule, if it is allowed. */
function schedule(kind: string, options: LearningRateOptions): LearningRateOptions {
  checkOptions(learningRateSchema, options, `Cannot use ${kind}`);
  return options;
}

interface Base {
  /** The rate that the schedule changes. */
  readonly base: number;
}

/** The rate is multiplied by `factor` after each of `epochs`, and of `iterations`. */
export const steps = (options: Base & StepsOptions): LearningRateOptions => schedule("steps", options);

/** The rate falls as exp(-decay * epoch). */
export const exponential = (options: Base & { readonly decay: number }): LearningRateOptions =>
  schedule("exponential", options);

/** The rate falls along half a cosine over the whole training, to the share `final` of itself. */
export const cosine = ({ base, ...options }: Base & { readonly final?: number }): LearningRateOptions =>
  schedule("cosine", { base, cosine: options });

/** The rate rises to `base` and falls again, once over the whole training. */
export const oneCycle = ({ base, ...options }: Base & OneCycleOptions): LearningRateOptions =>
  schedule("oneCycle", { base, oneCycle: options });

/**
 * In the first steps the rate rises to what it would be, in equal steps: `warmup(400, cosine({ base: 0.1 }))`. What
 * follows may be a rate, a schedule, or a function.
 *
 * @example
 * ```ts
 * console.log(warmup(400, cosine({ base: 0.1 }))); // { base: 0.1, cosine: {}, warmup: 400 }
 * const own = warmup(10, (step) => 1 / (step + 1)); // a function of a function is one
 * console.log(own(4, { epoch: 0, steps: 100 })); // 0.1
 * ```
 */
export function warmup(steps: number, then: Schedule): Schedule;
/** Of a rate or a schedule: a schedule, plain data. */
export function warmup(steps: number, then: LearningRateOptions | number): LearningRateOptions;
export function warmup(steps: number, then: LearningRateOptions | number | Schedule): LearningRateOptions | Schedule {
  const data = typeof then === "function" ? { base: 1 } : typeof then === "number" ? { base: then } : then;
  const checked = schedule("warmup", { ...data, warmup: steps });
  if (typeof then !== "function") return checked;
  return (step, place) => step < steps ? then(step, place) * (step + 1) / steps : then(step, place);
}
