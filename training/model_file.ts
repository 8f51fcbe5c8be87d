/** Models as files: a safetensors file that any tool reads, or the folder of a run. */
import type { Config } from "../configs/schema.ts";
import { networkIn } from "./architecture.ts";
import { type Checkpoint, decode, encode, select } from "./checkpoint.ts";
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
 * Writes a model's parameters ("conv1/w" as [height, width, in, out], "conv1/b", ...), float32, and its config, or its network
 * where that is built in code of kinds of layers, to a safetensors file, which is replaced at once. A whitening goes to `whitening.safetensors` beside it. Throws
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
 * A trained model, from the folder of a run, a safetensors file, or its bytes; `demo` is the network that comes along,
 * unless there is a file or folder of that path. The file carries its config, or the network that was
 * built in code; `definition`, a config or a network and the shape of its images, is needed for one made elsewhere, and
 * for a network with layers of one's own. Where the file names a whitening, it is read from beside it. Throws
 * `UserError` where the file cannot be read, has no network and `definition` is missing, or is of another network.
 *
 * @example
 * ```ts
 * console.log((await loadModel(device, "demo")).classes); // 10
 *
 * const config = await loadConfig("quickstart");
 * await saveModel(await openModel(device, config), "untrained.safetensors");
 * const model = await loadModel(device, "untrained.safetensors"); // the file carries the config
 * console.log(model.config!.name); // quickstart
 *
 * const network = sequential("tiny", [conv("conv1", { channels: 3, kernel: 3 }), globalAveragePool("average")]);
 * await saveModel(await openModel(device, { network, input: [8, 8, 1] }), "tiny.safetensors");
 * console.log((await loadModel(device, "tiny.safetensors")).network.name); // tiny
 * ```
 */
export async function loadModel(
  context: Context,
  source: string | Uint8Array<ArrayBuffer>,
  definition: Definition | Config | null = null,
  { warn = () => {}, ...options }: LoadOptions = {},
): Promise<Model> {
  const name = typeof source === "string" ? source : "the bytes of a model";
  const checkpoint = typeof source === "string" ? await openCheckpoint(source, warn) : await decode(source, name);
  const wanted = definitionIn(checkpoint, name, definition);
  const whitening = options.whitening ??
    (typeof source === "string" ? await savedWhitening(checkpoint, source, wanted) : null);
  return await placeModel(context, wanted, (specs) => select(checkpoint, specs, name), { ...options, whitening });
}

/**
 * A checkpoint and what it is a model of: `given`, or the config or the network that it carries. Throws `UserError`
 * where there is none.
 */
export async function openAny(
  path: string,
  given: Definition | Config | null,
  warn: (message: string) => void,
): Promise<{ checkpoint: Checkpoint; definition: Definition | Config }> {
  const checkpoint = await openCheckpoint(path, warn);
  return { checkpoint, definition: definitionIn(checkpoint, path, given) };
}

/** `given`, or what the checkpoint carries. Throws `UserError` where that is nothing. */
function definitionIn(checkpoint: Checkpoint, source: string, given: Definition | Config | null) {
  const definition = given ?? configOf(checkpoint, source) ?? networkIn(checkpoint, source);
  if (definition === null) throw noConfig(source);
  return definition;
}

/** As `openAny`, for what needs a config. */
export async function openDefined(path: string, given: Config | null, warn: (message: string) => void) {
  const { checkpoint, definition } = await openAny(path, given, warn);
  if ("input" in definition) throw noConfig(path);
  return { checkpoint, definition };
}

/** Of a checkpoint that was made elsewhere or holds a network alone, where a config is needed. */
export const noConfig = (path: string): UserError =>
  new UserError(({ namingConfig }) => `Checkpoint "${path}" carries no config: name one${namingConfig}`);

/** The whitening that a checkpoint names, unless the images of `definition` are not whitened. */
export async function savedWhitening({ whitening }: Checkpoint, path: string, definition: Definition | Config) {
  if (whitening === null || "input" in definition || !isFitted(definition.dataset)) return null;
  const folder = await isDirectory(path) ? path : folderOf(path);
  return await readWhitening(folder, whitening, elements(imageShape(definition.dataset)));
}
