/** The model of a checkpoint that a training may replace at any time. */
import type { Config } from "../configs/schema.ts";
import type { Context } from "../core/device.ts";
import { UserError } from "../core/errors.ts";
import { select } from "../core/checkpoint.ts";
import { sha256 } from "../core/safetensors.ts";
import { absolutePath, isDirectory, modified } from "../core/storage.ts";
import type { Tuner } from "../core/tuner.ts";
import type { Whitening } from "../data/whitening.ts";
import { closeModel, type Model, placeModel } from "../training/model.ts";
import { openDefined, savedWhitening } from "../training/model_file.ts";
import { type Report, type Source, whiteningFor, whitens } from "../training/preprocess.ts";
import { CHECKPOINTS } from "../training/run_folder.ts";
import type { CheckpointInfo } from "./protocol.ts";

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
  /** Looks whether there is another checkpoint; what is in use, if any, and what is wrong, if anything. */
  look(): Promise<{ readonly info: CheckpointInfo | null; readonly problem: string | null }>;
  /** Runs `body` with the newest model, which stays until it is done. Throws `UserError` where there is none. */
  use<T>(body: (current: Current) => Promise<T>): Promise<T>;
}

/** A text that is another whenever a checkpoint was written, to a run's folder or a file. */
async function stampOf(path: string): Promise<string> {
  const files = await isDirectory(path) ? CHECKPOINTS.map((file) => `${path}/${file}`) : [path];
  return (await Promise.all(files.map(modified))).join();
}

/** Loads nothing yet. */
export function liveModel(origin: Origin): LiveModel {
  let current: Current | null = null, problem: string | null = null, stamp: string | null = null;
  let loading: Promise<void> | null = null;
  const users = new Map<Model, number>(), load = loader(origin);
  const count = (model: Model, change: number) => {
    users.set(model, (users.get(model) ?? 0) + change);
    if (users.get(model) !== 0 || model === current?.model) return;
    users.delete(model);
    closeModel(model);
  };

  async function reload(found: string): Promise<void> {
    stamp = found;
    try {
      const next = await load(found, (message) => problem = message), before = current;
      current = next;
      if (before !== null) {
        count(before.model, 1); // closed here unless somebody else uses it
        count(before.model, -1);
      }
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      problem = error.message;
    }
  }

  async function refresh(): Promise<void> {
    while (loading !== null) await loading.catch(() => {});
    const found = await stampOf(origin.path);
    if (found === stamp || loading !== null) return await (loading ?? undefined);
    problem = null;
    loading = reload(found).finally(() => loading = null);
    await loading;
  }

  return {
    async look() {
      await refresh();
      return { info: current?.info ?? null, problem };
    },
    async use(body) {
      await refresh();
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
function loader({ context, tuner, path, config, source, report }: Origin) {
  let kept: { readonly hash: string | null; readonly whitening: Whitening | null } | null = null;
  return async (stamp: string, warn: (message: string) => void): Promise<Current> => {
    const { checkpoint } = await openDefined(path, config, warn), hash = checkpoint.whitening;
    if (kept?.hash !== hash) kept = null;
    if (kept === null) {
      const saved = await savedWhitening(checkpoint, path, config);
      const fits = saved === null && whitens(config.dataset);
      kept = { hash, whitening: fits ? await whiteningFor(context, await source(), report) : saved };
    }
    const { whitening } = kept;
    const model = await placeModel(context, config, (specs) => select(checkpoint, specs, path), { tuner, whitening });
    const version = await sha256(new TextEncoder().encode(`${absolutePath(path)} ${stamp}`));
    const { epoch = null, step = null } = checkpoint.progress ?? {};
    return { model, info: { version: version.slice(0, 16), epoch, step, whitens: whitening !== null } };
  };
}
