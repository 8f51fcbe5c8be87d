/** The trained model that a command line names: of a run's folder, or of a checkpoint with a config. */
import { loadConfig } from "../configs/load.ts";
import type { Config } from "../configs/schema.ts";
import { cachedTuner } from "../core/tune/tune.ts";
import { openTuneCache } from "../core/tune/tune_cache.ts";
import { folderOf, isDirectory } from "../core/host/files.ts";
import { classNames } from "../data/datasets/mod.ts";
import { isFitted } from "../data/transforms/mod.ts";
import { type Definition, specsOf } from "../training/definition.ts";
import { keptDifference } from "../training/kept_config.ts";
import type { Model } from "../training/model.ts";
import { loadModel } from "../training/model_file.ts";
import { type Source, whiteningFor } from "../training/preprocess.ts";
import { readClasses } from "../training/run_records.ts";
import type { Arguments, Option } from "./arguments.ts";
import { DATA_OPTION, dataFolder } from "./data_folder.ts";
import type { ProgressLine } from "./progress.ts";
import { DEVICE_OPTIONS, openDeviceFor } from "./tuning_options.ts";

export const CONFIG_OPTION: Option = {
  name: "config",
  value: "CONFIG",
  help: "the network's config, a file or a name as allcnn-c, for a checkpoint that carries none",
};

/** The options of a command whose first argument is RUN_OR_CHECKPOINT. */
export const TRAINED_OPTIONS: readonly Option[] = [CONFIG_OPTION, DATA_OPTION, ...DEVICE_OPTIONS];

export interface Trained {
  /** With the run's own whitening, or one fitted on its data set's training images where it has none. */
  readonly model: Model;
  readonly config: Config;
  /** The names of its classes, numbers where nothing tells them. */
  readonly classes: readonly string[];
  /** Where its data set is; downloads it if need be. */
  readonly source: () => Promise<Source>;
}

/** Opens a device and the model on it. Throws `UserError` where checkpoint, config or data are missing or do not fit. */
export async function openTrained(args: Arguments, screen: ProgressLine): Promise<Trained> {
  const configPath = args.text("config");
  const given = configPath === null ? null : await loadConfig(configPath);
  const context = await openDeviceFor(args);
  screen.line(`Device: ${context.description}`);
  const tuner = cachedTuner(context, await openTuneCache(context.scope, screen.line), screen.line);
  const model = await loadModel(context, args.positional(0)!, given, { tuner, warn: screen.line });
  const config = model.config!; // given, or from the checkpoint; loadModel refuses one that has none
  if (given === null) await tellChanged(args.positional(0)!, config, screen);
  const { dataset } = config, kept = await keptClasses(args.positional(0)!, dataset);
  const source = async () => ({ config: dataset, directory: await dataFolder(args, dataset, screen), classes: kept });
  const fits = model.whitening === null && isFitted(config.dataset);
  const whitening = fits ? await whiteningFor(context, await source(), screen.report) : model.whitening;
  return { model: { ...model, whitening }, config, classes: await classesOf(args.positional(0)!, config), source };
}

/** Says where the config.yaml of a run's folder is not what its checkpoint was trained with, on which all rests. */
async function tellChanged(path: string, config: Config, screen: ProgressLine): Promise<void> {
  const options = { except: ["training"], other: "in its checkpoint, which holds" };
  const changed = await keptDifference(path, config, options).catch((error: Error) => error.message);
  if (changed !== null) screen.line(`"${path}/config.yaml" was changed: ${changed}`);
}

/** The names of the classes that only the folder of a run keeps, as of pictures; null where its data set has names. */
export async function keptClasses(path: string, dataset: Config["dataset"] | null): Promise<readonly string[] | null> {
  if (dataset !== null && classNames(dataset).length > 0) return null;
  return await readClasses(await isDirectory(path) ? path : folderOf(path));
}

/** The names of the classes of a run or a checkpoint: its data set's, of pictures those that the folder keeps. */
export async function classesOf(path: string, definition: Definition | Config): Promise<string[]> {
  const dataset = "input" in definition ? null : definition.dataset;
  const names = await keptClasses(path, dataset) ?? (dataset === null ? [] : classNames(dataset));
  return Array.from({ length: specsOf(definition).classes }, (_, index) => names[index] ?? `class ${index}`);
}
