/** Models as files: a safetensors file that any tool reads, or the folder of a run. */
import type { Config } from "../configs/schema.ts";
import { type Checkpoint, encode, select } from "./checkpoint.ts";
import type { Context } from "../core/device/device.ts";
import { UserError } from "../core/host/errors.ts";
import { elements } from "../core/graph/tensor.ts";
import { folderOf, isDirectory, writeFile } from "../core/host/files.ts";
import { imageShape } from "../data/datasets/mod.ts";
import { isFitted } from "../data/transforms/mod.ts";
import type { Definition } from "./definition.ts";
import { type Model, type ModelOptions, placeModel } from "./model.ts";
import { configOf, keepWhitening, openCheckpoint, readWhitening } from "./run_folder.ts";
import { checkpointOf } from "./snapshot.ts";

/**
 * Writes a model's parameters ("conv1/w" as [height, width, in, out], "conv1/b", ...), float32, and its config, if any,
 * to a safetensors file, which is replaced at once. A whitening goes to `whitening.safetensors` beside it. Throws
 * `UserError` where the file cannot be written, or the whitening of other models lies there.
 *
 * @example
 * ```ts
 * const network = sequential("tiny", [conv("conv1", { channels: 3, kernel: 3 }), globalAveragePool("average")]);
 * const model = await openModel(device, { network, input: [8, 8, 1] });
 * await saveModel(model, "tiny.safetensors");
 * ```
 */
export async function saveModel(model: Model, path: string): Promise<void> {
  const whitening = model.whitening === null ? null : await keepWhitening(folderOf(path), model.whitening);
  const origin = { progress: null, step: null, whitening };
  await writeFile(path, await encode(await checkpointOf({ ...model, moments: {} }, origin)));
}

/** What goes with a model beside its file. */
export interface LoadOptions extends ModelOptions {
  /** Hears of a damaged checkpoint in a run's folder, where the one before it is used. */
  readonly warn?: (message: string) => void;
}

/**
 * A trained model, from the folder of a run or a safetensors file. `definition`, a config or a network built in code and
 * the shape of its images, is needed where the file carries no config. Where the file names a whitening, it is read from
 * beside it. Throws `UserError` where the file cannot be read, carries no config and `definition` is missing, or is of
 * another network.
 *
 * @example
 * ```ts
 * const config = await loadConfig("quickstart");
 * await saveModel(await openModel(device, config), "untrained.safetensors");
 * const model = await loadModel(device, "untrained.safetensors"); // the file carries the config
 * console.log(model.config!.name); // quickstart
 * ```
 */
export async function loadModel(
  context: Context,
  path: string,
  definition: Definition | Config | null = null,
  { warn = () => {}, ...options }: LoadOptions = {},
): Promise<Model> {
  const { checkpoint, definition: wanted } = await openDefined(path, definition, warn);
  const whitening = options.whitening ?? await savedWhitening(checkpoint, path, wanted);
  return await placeModel(context, wanted, (specs) => select(checkpoint, specs, path), { ...options, whitening });
}

/**
 * A checkpoint and what it is a model of: `given`, or the config that it carries. Throws `UserError` where there is
 * neither.
 */
export async function openDefined<D extends Definition | Config>(
  path: string,
  given: D | null,
  warn: (message: string) => void,
): Promise<{ checkpoint: Checkpoint; definition: D | Config }> {
  const checkpoint = await openCheckpoint(path, warn), definition = given ?? configOf(checkpoint, path);
  if (definition === null) {
    throw new UserError(`Checkpoint "${path}" carries no config: name one, as --config allcnn-c`);
  }
  return { checkpoint, definition };
}

/** The whitening that a checkpoint names, unless the images of `definition` are not whitened. */
export async function savedWhitening({ whitening }: Checkpoint, path: string, definition: Definition | Config) {
  if (whitening === null || "input" in definition || !isFitted(definition.dataset)) return null;
  const folder = await isDirectory(path) ? path : folderOf(path);
  return await readWhitening(folder, whitening, elements(imageShape(definition.dataset)));
}
