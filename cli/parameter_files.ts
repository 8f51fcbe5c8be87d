/** What export and import share: the options --layout and --force, and files with the parameters of a network. */
import { type Checkpoint, encode, select } from "../training/checkpoint.ts";
import { UserError } from "../core/host/errors.ts";
import type { ParamSpecs } from "../core/graph/layer.ts";
import type { HostTensor } from "../core/host/safetensors.ts";
import { exists, folderOf, writeFile } from "../core/host/files.ts";
import type { Whitening } from "../data/whitening.ts";
import { keepWhitening } from "../training/run_folder.ts";
import type { Arguments, Option } from "./arguments.ts";

export const FORCE: Option = { name: "force", value: null, help: "replace files that exist" };

/** The value of --layout. Throws `UserError` where it names none. */
export const layoutOf = (args: Arguments) => args.word("layout", ["allcnn", "pytorch"]) ?? "allcnn";

/** The parameters in a file of our layout. Throws `UserError` where one is missing or has another shape. */
export function paramsOf(
  file: Pick<Checkpoint, "tensors">,
  specs: ParamSpecs,
  source: string,
): Record<string, HostTensor> {
  return Object.fromEntries(
    Object.entries(select(file, specs, source)).map(([name, data]) => [name, { shape: specs[name]!.shape, data }]),
  );
}

/**
 * Writes a checkpoint that holds parameters alone; the whitening is kept beside it. Throws `UserError`
 * where the whitening of another model lies there.
 */
export async function writeParams(
  path: string,
  origin: Pick<Checkpoint, "config" | "architecture">,
  params: Readonly<Record<string, HostTensor>>,
  whitening: Whitening | null,
): Promise<void> {
  const hash = whitening === null ? null : await keepWhitening(folderOf(path), whitening);
  const rest = { progress: null, microBatch: null, tunings: {}, scope: "", shaders: "" };
  await writeFile(path, await encode({ ...origin, ...rest, whitening: hash, tensors: params }));
}

/** Throws `UserError` where a file is there already, unless --force. */
export async function refuseExisting(args: Arguments, paths: readonly string[]): Promise<void> {
  for (const path of args.flag("force") ? [] : paths) {
    if (await exists(path)) throw new UserError(`"${path}" already exists: choose another name, or add --force`);
  }
}
