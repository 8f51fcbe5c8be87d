/** The model of a checkpoint that a training may replace at any time. */
import type { Config } from "../configs/schema.ts";
import type { Context } from "../core/device/device.ts";
import { UserError } from "../core/host/errors.ts";
import { select } from "../training/checkpoint.ts";
import { sha256 } from "../core/host/safetensors.ts";
import { absolutePath, isDirectory, modified } from "../core/host/files.ts";
import type { Tuner } from "../core/graph/tuner.ts";
import { isFitted } from "../data/transforms/mod.ts";
import type { Whitening } from "../data/whitening.ts";
import { closeModel, type Model, placeModel } from "../training/model.ts";
import { openDefined, savedWhitening } from "../training/model_file.ts";
import { type Report, type Source, whiteningFor } from "../training/preprocess.ts";
import { configDifference } from "../training/kept_config.ts";
import { CHECKPOINTS, configOf } from "../training/run_folder.ts";
import type { CheckpointInfo, Doing } from "./protocol.ts";
import { errorLine } from "./progress_lines.ts";

/** Milliseconds until a checkpoint that could not be loaded is tried again. */
const RETRY = 5000;

/** Where a model comes from, and what it runs on. */
export interface Origin {
  readonly context: Context;
  readonly tuner: Tuner;
  /** A run's folder or a checkpoint. */
  readonly path: string;
  readonly config: Config;
  /** Where its data set is, for a whitening that the checkpoint has not. */
  readonly source: () => Promise<Source>;
  readonly report: Report;
}

export interface Current {
  readonly model: Model;
  readonly info: CheckpointInfo;
}

export interface LiveModel {
  /** Starts to load another checkpoint, if there is one; what is in use, what is wrong, and how far loading is, if any. */
  look(): Promise<{
    readonly info: CheckpointInfo | null;
    readonly problem: string | null;
    readonly loading: Doing | null;
  }>;
  /** Runs `body` with the newest model, which stays until it is done. Throws `UserError` where there is none. */
  use<T>(body: (current: Current) => Promise<T>): Promise<T>;
}

/** A text that is another whenever a checkpoint was written, to a run's folder or a file. */
async function stampOf(path: string): Promise<string> {
  const files = await isDirectory(path) ? CHECKPOINTS.map((file) => `${path}/${file}`) : [path];
  return (await Promise.all(files.map(modified))).join();
}

/** Loads nothing yet. What could not be loaded is tried again after `retry` milliseconds. */
export function liveModel(origin: Origin, retry = RETRY): LiveModel {
  let current: Current | null = null, problem: string | null = null, stamp: string | null = null;
  let loading: Promise<void> | null = null, progress: Doing | null = null, failedAt: number | null = null;
  const users = new Map<Model, number>(), load = loader(origin);
  const count = (model: Model, change: number) => {
    users.set(model, (users.get(model) ?? 0) + change);
    if (users.get(model) !== 0 || model === current?.model) return;
    users.delete(model);
    closeModel(model);
  };

  /** Never rejects: what went wrong is told, and tried again after a while. */
  async function reload(found: string): Promise<void> {
    let warning: string | null = null;
    stamp = found;
    try {
      const hear: Report = (doing, done) => {
        progress = { doing, done };
        origin.report(doing, done);
      };
      const next = await load(found, (message) => warning = message, hear), before = current;
      current = next;
      if (before !== null) {
        count(before.model, 1); // closed here unless somebody else uses it
        count(before.model, -1);
      }
      [problem, failedAt] = [warning, null];
    } catch (error) {
      [problem, failedAt] = [errorLine(error), Date.now()];
    }
    progress = loading = null;
  }

  /** Starts to load, where there is another checkpoint or it is time to try again; does not wait for it. */
  async function refresh(): Promise<void> {
    const found = await stampOf(origin.path);
    if (loading !== null) return;
    if (found === stamp && (failedAt === null || Date.now() - failedAt < retry)) return;
    progress = { doing: "Reading the checkpoint", done: 0 };
    loading = reload(found);
  }

  return {
    async look() {
      await refresh();
      return { info: current?.info ?? null, problem, loading: progress };
    },
    async use(body) {
      await loading; // of a checkpoint that may have been replaced since
      await refresh();
      await loading;
      if (current === null) throw new UserError(problem ?? `There is no checkpoint in "${origin.path}"`);
      const used = current;
      count(used.model, 1);
      try {
        return await body(used);
      } finally {
        count(used.model, -1);
      }
    },
  };
}

/** Loads the checkpoint of a stamp; reads or fits a whitening once. */
function loader({ context, tuner, path, config, source }: Origin) {
  let kept: { readonly hash: string | null; readonly whitening: Whitening | null } | null = null;
  return async (stamp: string, warn: (message: string) => void, report: Report): Promise<Current> => {
    const { checkpoint } = await openDefined(path, config, warn), hash = checkpoint.whitening;
    const trained = configOf(checkpoint, path), places = ["in the config", "in the checkpoint"] as const;
    const changed = trained === null ? null : configDifference(config, trained, places, ["training"]);
    if (changed !== null) warn(`What is shown may be wrong: ${changed}`);
    if (kept?.hash !== hash) kept = null;
    if (kept === null) {
      const saved = await savedWhitening(checkpoint, path, config);
      const fits = saved === null && isFitted(config.dataset);
      kept = { hash, whitening: fits ? await whiteningFor(context, await source(), report) : saved };
    }
    const { whitening } = kept;
    const model = await placeModel(context, config, (specs) => select(checkpoint, specs, path), { tuner, whitening });
    const version = await sha256(new TextEncoder().encode(`${absolutePath(path)} ${stamp}`));
    const { epoch = null, step = null } = checkpoint.progress ?? {};
    return { model, info: { version: version.slice(0, 16), epoch, step, whitens: whitening !== null } };
  };
}
