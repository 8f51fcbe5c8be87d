/** An evaluation that looks at every example's outputs, for what it says of single classes. */
import { UserError } from "../core/host/errors.ts";
import type { LabelledImages } from "../data/dataset.ts";
import { type ClassStatistics, classStatistics, judge, type Judged } from "./class_statistics.ts";
import { evaluate, type EvaluateOptions, type Score } from "./evaluate.ts";
import type { Model } from "./model.ts";
import { probabilitiesOf } from "./predict.ts";

/** Loss and error as of `evaluate`, and how each example was classified. */
export interface ClassScore extends Score {
  /** Errors, accuracies and the confusion matrix. */
  readonly statistics: ClassStatistics;
  /** Every example, in their order. */
  readonly judged: readonly Judged[];
}

/** How the examples of a batch were classified, without what pads it and what is in `skipped`. */
export function judgeBatch(
  model: Pick<Model, "loss" | "classes">,
  { first, logits, labels, skipped = new Set() }: {
    readonly first: number;
    /** [batch, classes] */
    readonly logits: Float32Array;
    /** Of all examples. */
    readonly labels: Uint32Array;
    readonly skipped?: ReadonlySet<number>;
  },
): Judged[] {
  const own = labels.subarray(first, first + logits.length / model.classes);
  const outputs = Float32Array.from(logits.subarray(0, own.length * model.classes));
  return judge(outputs, probabilitiesOf(model, outputs), own, first).filter(({ index }) => !skipped.has(index));
}

/**
 * As `evaluate`, and what that says of each class: accuracies, the confusion matrix, confidence intervals, and how each
 * example was classified. Throws `UserError` where the data do not fit the network, or their labels are targets.
 *
 * @example
 * ```ts
 * const network = sequential("tiny", [conv("conv1", { channels: 3, kernel: 3 }), globalAveragePool("average")]);
 * const model = await openModel(device, { network, input: [8, 8, 1] });
 * const images = new Float32Array(2 * 64), labels = Uint32Array.of(0, 2); // two black images of 8x8 pixels
 * const { statistics } = await evaluateClasses(model, { images, labels, count: 2, shape: [8, 8, 1] });
 * console.log(statistics.confusion); // [ [ 1, 0, 0 ], [ 0, 0, 0 ], [ 1, 0, 0 ] ]
 * console.log(statistics.error.interval.map(Math.round)); // [ 9, 91 ]
 * ```
 */
export async function evaluateClasses(
  model: Model,
  data: LabelledImages,
  { onBatch, withLogits = false }: EvaluateOptions = {},
): Promise<ClassScore> {
  const { labels } = data, judged: Judged[] = [];
  if (labels instanceof Float32Array) {
    throw new UserError("Cannot tell classes apart: the labels are targets (a Float32Array), give class numbers");
  }
  const score = await evaluate(model, data, {
    withLogits: true,
    onBatch(first, logits) {
      judged.push(...judgeBatch(model, { first, logits: logits!, labels }));
      onBatch?.(first, withLogits ? logits : null);
    },
  });
  return { ...score, statistics: classStatistics(judged, model.classes), judged };
}
