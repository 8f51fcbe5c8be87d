/** What `training:` of a config may say. */
import * as z from "zod";
import type { Optional } from "../layers/optional.ts";
import { type InitConfig, initialValues } from "../learning/initial_values/mod.ts";
import { type LossConfig, losses } from "../learning/losses/mod.ts";
import { type OptimizerConfig, optimizers } from "../learning/optimizers/mod.ts";
import { type LearningRateConfig, type LearningRateOptions, learningRateSchema } from "../learning/schedules/mod.ts";

/** What `training:` of a config says, checked, defaults filled in. */
export interface TrainingConfig {
  /** How long; `iterations` are steps. At least one of the two, and what ends first ends the training. */
  readonly epochs?: number | undefined;
  /** How long in steps; the last epoch may be cut short. */
  readonly iterations?: number | undefined;
  /** Examples per step. */
  readonly batch: number;
  /** What turns gradients into updates. */
  readonly optimizer: OptimizerConfig;
  /** The learning rate of each step, as a schedule. */
  readonly learningRate: LearningRateConfig;
  /** The default is softmax and cross-entropy. */
  readonly loss?: LossConfig | undefined;
  /** How weights are drawn before the first step. */
  readonly init: InitConfig;
  /** The gradient's norm over all parameters is clipped to it before each update. */
  readonly clipNorm?: number | undefined;
  /** What becomes of the examples of an epoch that fill no batch: left out, which are others in each epoch, or filled up. */
  readonly remainder?: "drop" | "fill" | undefined;
  /** Epochs from one evaluation on the test images to the next. */
  readonly evaluateEvery: number;
  /** A checkpoint is written at least this often. */
  readonly checkpointMinutes: number;
  /** Epochs from one checkpoint that is kept, to look back, to the next; the first is before the first step. */
  readonly keepEvery?: number | undefined;
}

/** `TrainingConfig` as it is written. */
export type TrainingOptions =
  & Optional<
    Omit<TrainingConfig, "optimizer" | "learningRate" | "loss" | "init">,
    "evaluateEvery" | "checkpointMinutes"
  >
  & {
    readonly optimizer: z.input<typeof optimizers.schema>;
    /** A number alone is a rate that stays. */
    readonly learningRate: LearningRateOptions | number;
    readonly loss?: z.input<typeof losses.schema> | undefined;
    readonly init: z.input<typeof initialValues.schema>;
  };

export const trainingSchema: z.ZodType<TrainingConfig, TrainingOptions> = z.strictObject({
  epochs: z.int().min(0).optional().describe("How long; with iterations too, what ends first"),
  iterations: z.int().min(1).optional().describe("How long, in steps; the last epoch may be cut short"),
  batch: z.int().min(1).max(65536).describe("Examples per step"),
  optimizer: optimizers.schema,
  learningRate: learningRateSchema,
  loss: losses.schema.optional().describe("What is made small; the default is softmaxCrossEntropy"),
  init: initialValues.schema,
  clipNorm: z.number().gt(0).max(1e9).optional().describe(
    "The gradient's Euclidean norm over all parameters is clipped to it; the default is not to clip",
  ),
  remainder: z.enum(["drop", "fill"]).optional().describe(
    "Examples of an epoch that fill no batch: drop leaves them out, others in each epoch; fill adds its first ones",
  ),
  evaluateEvery: z.int().min(1).default(1).describe("Epochs from one evaluation on the test images to the next"),
  checkpointMinutes: z.number().gt(0).default(5).describe("A checkpoint at least this often"),
  keepEvery: z.int().min(1).optional().describe(
    "Epochs from one checkpoint that the run's folder keeps, to look back, to the next; the default is to keep none",
  ),
}).superRefine(({ epochs, iterations }, context) => {
  if (epochs !== undefined || iterations !== undefined) return;
  context.addIssue({ code: "custom", path: ["epochs"], message: "expected a number here or under iterations" });
});
