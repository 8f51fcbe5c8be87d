/**
 * What the driver and the peers say to each other: one JSON record a line, requests on the peer's standard input,
 * answers on its standard output. An answer is `{"answer": ...}` or `{"error": "one line"}`; a line that is neither is
 * a library's print, and ignored.
 */
import type { Config } from "../../configs/schema.ts";
import { UserError } from "../../core/host/errors.ts";
import type { SgdConstants } from "../../kernels/train/sgd.ts";

/** The constants of the optimizer that all peers have. Throws `UserError` where the config has another one. */
export function sgdOf({ name, training: { optimizer } }: Config): SgdConstants {
  if ("sgd" in optimizer) return optimizer.sgd;
  throw new UserError(`Cannot compare "${name}": the peers train by sgd, not by ${Object.keys(optimizer)[0]}`);
}

/** The work that all peers get: a config, and the files with equal weights and data, each a raw array. */
export interface Work {
  /** Layers, batch, optimizer; `training.batch` is the batch of `files`. */
  readonly config: Config;
  /** Names ("conv1/w") and shapes of the parameters, in the order in which `files.params` holds them. */
  readonly params: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly files: {
    /** float32, weights as [height, width, in, out] */
    readonly params: string;
    /** float32 [batch, 32, 32, 3] */
    readonly images: string;
    /** uint32 [batch] */
    readonly labels: string;
  };
  /** The learning rate of the timed steps; the checked update uses the config's. */
  readonly timedRate: number;
}

export type Request =
  | { readonly cmd: "start" } & Work
  /** `warmup` steps, a wait for the device, then `count` steps that are timed. */
  | { readonly cmd: "steps"; readonly warmup: number; readonly count: number }
  | { readonly cmd: "stop" };

/** Not a number is `null`, as JSON has it. */
export type Loss = number | null;

/** The answer to "start". */
export interface Started {
  readonly device: string;
  /** Of the framework. */
  readonly version: string;
  /** Loss of the given weights, dropout off. */
  readonly loss: Loss;
  /** Loss after one update from there, dropout off. */
  readonly lossAfterUpdate: Loss;
  /** The first training step with dropout, compilation included, until the device has finished it. */
  readonly firstStepSeconds: number;
}

/** The answer to "steps". */
export interface Stepped {
  /** From the first timed step to the end of the last on the device. */
  readonly seconds: number;
  /** Of the last timed step. */
  readonly loss: Loss;
}

/** The record of a line of a peer's output, or null where the line is none. */
export function parseAnswer(line: string): { readonly answer: unknown } | { readonly error: string } | null {
  if (!line.startsWith("{")) return null;
  try {
    const record = JSON.parse(line) as { answer?: unknown; error?: unknown };
    if (record.answer !== undefined) return { answer: record.answer };
    return typeof record.error === "string" ? { error: record.error } : null;
  } catch {
    return null;
  }
}
