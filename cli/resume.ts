/** Going on with a run: what its folder brings, and which options may differ. */
import { loadConfig } from "../configs/load.ts";
import { UserError } from "../core/host/errors.ts";
import { keptDifference } from "../training/kept_config.ts";
import type { Resumed } from "../training/run_options.ts";
import * as folder from "../training/run_folder.ts";
import { readMetrics, readSteps } from "../training/run_records.ts";
import type { Arguments } from "./arguments.ts";
import type { ProgressLine } from "./progress.ts";
import { settingsOf } from "./settings.ts";

/** Loads the run in `from`; options may only extend it. */
export async function resume(from: string, args: Arguments, screen: ProgressLine): Promise<Resumed> {
  const checkpoint = await folder.latestCheckpoint(from, screen.line);
  const saved = folder.configOf(checkpoint, from);
  if (saved === null || checkpoint.progress === null) {
    throw new UserError(`Cannot resume "${from}": its checkpoint was made elsewhere and holds no state of training`);
  }
  const seed = args.integer("seed", 0);
  if (seed !== null && seed !== checkpoint.progress.seed) {
    throw new UserError(`Cannot resume "${from}" with seed ${seed}: it was started with ${checkpoint.progress.seed}`);
  }
  const changed = await keptDifference(from, saved, {
    except: args.text("epochs") === null ? [] : ["training.epochs"],
    other: "in its checkpoint",
  });
  if (changed !== null) {
    const length = changed.startsWith("training.epochs ") ? "--epochs N says which" : "train it in another folder";
    throw new UserError(`Cannot resume "${from}": its config.yaml was changed, ${changed}; undo that, or ${length}`);
  }
  const epochs = args.integer("epochs", 0) ?? saved.training.epochs;
  if (epochs !== undefined && (epochs < checkpoint.progress.epoch || epochs === 0)) {
    throw new UserError(
      `Cannot resume "${from}" with ${epochs} epochs: it has finished ${checkpoint.progress.epoch}; --epochs N extends it`,
    );
  }
  const config = epochs === undefined ? saved : { ...saved, training: { ...saved.training, epochs } };
  const path = args.positional(0);
  if (path !== null) {
    const length = epochs === undefined ? [] : [`training.epochs=${epochs}`];
    const asked = await loadConfig(path, [...settingsOf(args), ...length]);
    if (JSON.stringify(asked) !== JSON.stringify(config)) {
      throw new UserError(
        `Cannot resume "${from}" with ${path}: it was started with another config, leave ${path} out`,
      );
    }
  } else if (args.list("set").length > 0 || settingsOf(args).some((text) => !text.startsWith("training.epochs="))) {
    throw new UserError(`Cannot change the config of the run in "${from}": with --resume only --epochs may differ`);
  }
  return { config, checkpoint, rows: await readMetrics(from), stepRows: await readSteps(from) };
}
