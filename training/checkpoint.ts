/** Checkpoints: everything an exact resume needs, as one safetensors file. */
import { UserError } from "../core/host/errors.ts";
import type { ParamSpecs } from "../core/graph/layer.ts";
import type { LossScale } from "../core/device/loss_scale_buffer.ts";
import { decodeTensors, encodeTensors, type HostTensor } from "../core/host/safetensors.ts";
import type { Tunings } from "../core/graph/tuner.ts";

/** Where a run stands. */
export interface Progress {
  /** Steps done. */
  readonly step: number;
  /** Epochs finished. */
  readonly epoch: number;
  /** What all random numbers are drawn from, below 2^32. */
  readonly seed: number;
  /** Running sums of the unfinished epoch: loss, errors, examples, unused. */
  readonly metrics: readonly number[];
  /** Seconds of training steps in the unfinished epoch. */
  readonly epochSeconds: number;
  /** Of mixed precision; absent in float32. */
  readonly lossScale?: LossScale;
}

/** A state of training, or the parameters of a network alone. */
export interface Checkpoint {
  /** The resolved config, or null in a file made elsewhere, and of a network built in code. */
  readonly config: unknown;
  /** A network built in code as data (training/architecture.ts); absent where there is none. */
  readonly architecture?: unknown;
  /** Null in a file made elsewhere. */
  readonly progress: Progress | null;
  /** Examples that went through the network at once; null where that is not known, or all of a batch did. */
  readonly microBatch: number | null;
  /** Op label to tuning, and the scope of the device: what an exact resume replays. */
  readonly tunings: Tunings;
  /** The device's `scope`; "" in a file made elsewhere. */
  readonly scope: string;
  /** Hashes of all generated shaders of a training step, "of one micro-batch+of the update" in micro-batches: another version may round differently. */
  readonly shaders: string;
  /** SHA-256 of the whitening file beside the checkpoint, or null where the config has none. */
  readonly whitening: string | null;
  /** "conv1/w" (HWIO), "conv1/b", "velocity/conv1/w", ... */
  readonly tensors: Readonly<Record<string, HostTensor>>;
  /** The types of tensors in its file that hold no floats, by name. */
  readonly others?: Readonly<Record<string, string>>;
}

/**
 * The bytes of a safetensors file that holds a checkpoint, as `onCheckpoint` of `train` gets it; float32 unless `dtype`
 * says otherwise, as a resumed training needs it.
 */
export async function encode(checkpoint: Checkpoint, dtype: "F32" | "F16" = "F32"): Promise<Uint8Array<ArrayBuffer>> {
  const { tensors, others: _others, ...rest } = checkpoint;
  return await encodeTensors({ metadata: { allcnn: JSON.stringify(rest) }, tensors }, dtype);
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** Of a training in float32 there is none. */
function isLossScale(value: unknown): boolean {
  if (value === undefined) return true;
  return isObject(value) && Number.isFinite(value["scale"]) && (value["scale"] as number) > 0 &&
    isCount(value["good"]) &&
    isCount(value["skipped"]);
}

function isProgress(value: unknown): value is Progress {
  if (!isObject(value)) return false;
  const { step, epoch, seed, metrics, epochSeconds, lossScale } = value;
  return isCount(step) && isCount(epoch) && isCount(seed) && (seed as number) < 2 ** 32 && Array.isArray(metrics) &&
    metrics.length === 4 && metrics.every((sum) => Number.isFinite(sum)) && Number.isFinite(epochSeconds) &&
    isLossScale(lossScale);
}

/** What the metadata of a file made elsewhere say. */
const FOREIGN = {
  config: null,
  progress: null,
  microBatch: null,
  tunings: {},
  scope: "",
  shaders: "",
  whitening: null,
};

/** It will be written as JSON again, which overflows the stack where it is nested deep enough. */
function isWritable(value: unknown): boolean {
  try {
    return JSON.stringify(value) !== "";
  } catch {
    return false;
  }
}

/** A tuning is null of a kernel without tunings. */
const areTunings = (value: unknown) =>
  isObject(value) && Object.values(value).every((tuning) => tuning === null || isObject(tuning));

/** The first of the fields that is of another type, or null. */
function flaw(
  { config, architecture, progress, microBatch, tunings, scope, shaders, whitening }: Omit<Checkpoint, "tensors">,
): string | null {
  const deep = Object.entries({ config, architecture, tunings }).find(([, value]) => !isWritable(value));
  if (deep !== undefined) return deep[0];
  if (config !== null && !isObject(config)) return "config";
  if (progress !== null && !isProgress(progress)) return "progress";
  if (microBatch !== null && !(isCount(microBatch) && microBatch > 0)) return "microBatch";
  if (!areTunings(tunings)) return "tunings";
  if (typeof scope !== "string") return "scope";
  if (typeof shaders !== "string") return "shaders";
  return whitening === null || typeof whitening === "string" ? null : "whitening";
}

/**
 * The checkpoint in the bytes of a safetensors file, one made elsewhere too. Throws `UserError`, naming `source`, where the
 * bytes are truncated or damaged.
 */
export async function decode(bytes: Uint8Array<ArrayBuffer>, source: string): Promise<Checkpoint> {
  const { metadata, tensors, others = {} } = await decodeTensors(bytes, source);
  let parsed: unknown;
  try {
    parsed = JSON.parse(metadata["allcnn"] ?? "{}");
  } catch {
    throw new UserError(`Cannot read "${source}": its metadata are damaged`);
  }
  if (!isObject(parsed)) throw new UserError(`Cannot read "${source}": its metadata are damaged`);
  const known = Object.entries(FOREIGN).map(([key, value]) => [key, Object.hasOwn(parsed, key) ? parsed[key] : value]);
  const { architecture = null } = parsed;
  const checkpoint: Checkpoint = {
    ...Object.fromEntries(known),
    ...(architecture !== null && { architecture }),
    tensors,
    ...(Object.keys(others).length > 0 && { others }),
  };
  const wrong = flaw(checkpoint);
  if (wrong !== null) throw new UserError(`Cannot read "${source}": "${wrong}" in its metadata is damaged`);
  return checkpoint;
}

/**
 * The tensors that `specs` names, without `prefix`. Throws `UserError` where one is missing or has another shape: the
 * checkpoint of another network; or where one holds values that are no numbers, which a ReLU would hide.
 */
export function select(
  { tensors, others = {} }: Pick<Checkpoint, "tensors" | "others">,
  specs: ParamSpecs,
  source: string,
  prefix = "",
): Record<string, Float32Array> {
  return Object.fromEntries(
    Object.entries(specs).map(([name, { shape, least = -Infinity }]) => {
      const found = tensors[prefix + name];
      const wanted = `[${shape.join(", ")}]`;
      if (others[prefix + name] !== undefined) {
        throw new UserError(
          `Cannot use checkpoint "${source}": tensor "${prefix}${name}" has type ${others[prefix + name]}, ` +
            "floats are needed: F32, F16, BF16 or F64",
        );
      }
      if (found === undefined) {
        throw new UserError(
          `Cannot use checkpoint "${source}": it has no tensor "${prefix}${name}" ${wanted}, so it is of another network`,
        );
      }
      if (found.shape.join() !== shape.join()) {
        throw new UserError(
          `Cannot use checkpoint "${source}": tensor "${prefix}${name}" is [${found.shape.join(", ")}], ` +
            `the network needs ${wanted}`,
        );
      }
      const wrong = found.data.findIndex((value) => !Number.isFinite(value));
      if (wrong >= 0) {
        throw new UserError(
          `Cannot use checkpoint "${source}": tensor "${prefix}${name}" holds ${
            found.data[wrong]
          } at element ${wrong}, ` +
            "which is no number to compute with; the network was damaged, or its training went wrong",
        );
      }
      const low = found.data.findIndex((value) => value < least);
      if (low >= 0) {
        throw new UserError(
          `Cannot use checkpoint "${source}": tensor "${prefix}${name}" holds ${found.data[low]} at element ${low}, ` +
            `expected ${least} or more; the network was damaged, or made by something else`,
        );
      }
      return [name, found.data];
    }),
  );
}
