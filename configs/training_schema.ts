/** What `training:` of a config may say. */
import * as z from "zod";
import type { Optional } from "../layers/optional.ts";

/** What `training:` of a config says, checked, defaults filled in. */
export interface TrainingConfig {
  /** How long; `iterations` are steps. At least one of the two, and what ends first ends the training. */
  readonly epochs?: number | undefined;
  readonly iterations?: number | undefined;
  /** Examples per step. */
  readonly batch: number;
  readonly optimizer: { readonly sgd: { readonly momentum: number; readonly weightDecay: number } };
  readonly learningRate: LearningRateConfig;
  readonly init: InitConfig;
  /** The gradient's norm over all parameters is clipped to it before each update. */
  readonly clipNorm?: number | undefined;
  /** Epochs from one evaluation on the test images to the next. */
  readonly evaluateEvery: number;
  readonly checkpointMinutes: number;
}

/** Initial weights: normal, of deviation sqrt(2 / fan-in), or by fan-out, or sqrt(2 / (fan-in + fan-out)). */
export type InitConfig =
  | { readonly heNormal: { readonly fan?: "in" | "out" | undefined } }
  | { readonly glorotNormal: Readonly<Record<string, never>> };

/**
 * `base`, multiplied by `factor` after each of `epochs` and of `iterations`, and by exp(-decay * epoch); with `cosine`,
 * falling along half a cosine to `final` times itself; rising to it in `warmup` steps.
 */
export interface LearningRateConfig {
  readonly base: number;
  readonly factor: number;
  readonly epochs: readonly number[];
  readonly iterations?: readonly number[] | undefined;
  readonly decay?: number | undefined;
  readonly cosine?: { readonly final?: number | undefined } | undefined;
  readonly warmup?: number | undefined;
}

/** `TrainingConfig` as it is written: rates without a schedule stay the same, and there are defaults for the rest. */
export type TrainingOptions =
  & Optional<Omit<TrainingConfig, "learningRate">, "evaluateEvery" | "checkpointMinutes">
  & { readonly learningRate: Optional<LearningRateConfig, "factor" | "epochs"> };

export const trainingSchema: z.ZodType<TrainingConfig, TrainingOptions> = z.strictObject({
  epochs: z.int().min(0).optional().describe("How long; with iterations too, what ends first"),
  iterations: z.int().min(1).optional().describe("How long, in steps; the last epoch may be cut short"),
  batch: z.int().min(1).max(65536).describe("Examples per step"),
  optimizer: z.strictObject({
    sgd: z.strictObject({ momentum: z.number().min(0).lt(1), weightDecay: z.number().min(0).max(1) }),
  }),
  learningRate: z.strictObject({
    base: z.number().gt(0).max(1e30),
    factor: z.number().gt(0).lte(1).default(1).describe("Multiplies the rate after each of `epochs` and `iterations`"),
    epochs: z.array(z.int().min(1)).default([]),
    iterations: z.array(z.int().min(1)).optional().describe("Counted in steps"),
    decay: z.number().min(0).max(100).optional().describe(
      "The rate falls as exp(-decay * epoch), epochs counted from 0",
    ),
    cosine: z.strictObject({
      final: z.number().min(0).max(1).optional().describe("Share of the rate that is left at the last step; default 0"),
    }).optional().describe("The rate falls along half a cosine over the whole training"),
    warmup: z.int().min(0).max(1e9).optional().describe("Steps in which the rate rises to its value, in equal steps"),
  }),
  init: z.union([
    z.strictObject({
      heNormal: z.strictObject({ fan: z.enum(["in", "out"]).optional() }).describe(
        "Normal, deviation sqrt(2 / fan-in), or with fan: out sqrt(2 / fan-out)",
      ),
    }),
    z.strictObject({
      glorotNormal: z.strictObject({}).describe("Normal, deviation sqrt(2 / (fan-in + fan-out))"),
    }),
  ]),
  clipNorm: z.number().gt(0).max(1e9).optional().describe(
    "The gradient's Euclidean norm over all parameters is clipped to it; the default is not to clip",
  ),
  evaluateEvery: z.int().min(1).default(1).describe("Epochs from one evaluation on the test images to the next"),
  checkpointMinutes: z.number().gt(0).default(5).describe("A checkpoint at least this often"),
}).superRefine(({ epochs, iterations }, context) => {
  if (epochs !== undefined || iterations !== undefined) return;
  context.addIssue({ code: "custom", path: ["epochs"], message: "expected a number here or under iterations" });
});
