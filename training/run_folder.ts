/**
 * The folder of a run: config.yaml (resolved), metrics.jsonl, steps.jsonl, curves.png, checkpoint.safetensors, the one before it,
 * those of epochs that are kept, whitening.safetensors, and of pictures classes.json. Each of these is replaced at once, so a crash leaves the old or the new one.
 */
import { stringify } from "yaml";
import { type Config, configSchema } from "../configs/schema.ts";
import { type Checkpoint, decode, encode } from "./checkpoint.ts";
import { keptDifference } from "./kept_config.ts";
import { UserError } from "../core/host/errors.ts";
import { sha256 } from "../core/host/safetensors.ts";
import { exists, isDirectory, list, moveFile, readFile, readText, removeFile, writeFile } from "../core/host/files.ts";
import { unfinishedName } from "../core/host/temporary.ts";
import type { Whitening } from "../data/whitening.ts";
import { decodeWhitening, encodeWhitening } from "../data/whitening_file.ts";
import { CLASSES, STEPS } from "./run_records.ts";
import { isShippedModel, readShippedModel } from "./shipped_model.ts";

const CHECKPOINT = "checkpoint.safetensors";
const PREVIOUS = "checkpoint.previous.safetensors";
/** Complete, but not yet renamed: a crash between two renames leaves it as the newest. */
const NEXT = "checkpoint.next.safetensors";
/** All of them, in the order in which they are tried. */
export const CHECKPOINTS: readonly string[] = [CHECKPOINT, NEXT, PREVIOUS];
/** The parameters after an epoch, which a run keeps where its config asks for it. */
const KEPT = /^epoch-(\d+)\.safetensors$/;
export const keptPath = (folder: string, epoch: number): string => `${folder}/epoch-${epoch}.safetensors`;
const WHITENING = "whitening.safetensors";

/** Names of all files that a run writes. */
const FILES = new Set([
  "config.yaml",
  "metrics.jsonl",
  STEPS,
  "curves.png",
  ...CHECKPOINTS,
  WHITENING,
  CLASSES,
  "cell.json",
]);

/**
 * Deletes what writes of a run left that were killed, and nothing else. Only for the process that holds the folder's
 * lock.
 */
export async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await list(folder)) {
    const whole = unfinishedName(name) ?? "";
    if (FILES.has(whole) || KEPT.test(whole)) await removeFile(`${folder}/${name}`);
  }
}

/** Is there a checkpoint in a run's folder, if only a damaged one? */
export async function holdsCheckpoint(folder: string): Promise<boolean> {
  const found = await Promise.all(CHECKPOINTS.map((file) => exists(`${folder}/${file}`)));
  return found.includes(true);
}

/**
 * Throws `UserError` where `folder` already holds a run, or files of somebody else that a run of `config` would replace. A
 * run that was killed before its first checkpoint left none but those that the same command writes again.
 */
export async function refuseExistingRun(folder: string, config: Config): Promise<void> {
  if (await holdsCheckpoint(folder) || await exists(`${folder}/metrics.jsonl`)) {
    throw new UserError((words) =>
      `"${folder}" already holds a run: go on with ${words.run(folder)}, or choose another ${words.folder}`
    );
  }
  const begun = `${folder}/config.yaml`;
  if (await exists(begun) && await readText(begun) === stringify(config)) return;
  for (const name of ["config.yaml", "curves.png", WHITENING]) {
    if (!(await exists(`${folder}/${name}`))) continue;
    throw new UserError((words) =>
      `Cannot train in "${folder}": the run would replace your ${name} there; choose another ${words.folder}`
    );
  }
}

/** Writes config, unless it is there, and whitening; returns the whitening's hash, which checkpoints carry. */
export async function startRun(folder: string, config: Config, whitening: Whitening | null): Promise<string | null> {
  const path = `${folder}/config.yaml`, kept = await exists(path) && await keptDifference(folder, config) === null;
  if (!kept) await writeFile(path, stringify(config)); // else with whatever somebody noted down in it
  if (whitening === null) return null;
  const bytes = await encodeWhitening(whitening);
  await writeFile(`${folder}/${WHITENING}`, bytes);
  return await sha256(bytes);
}

/** Writes a whitening into a folder; returns its hash. Throws `UserError` where another one lies there. */
export async function keepWhitening(folder: string, whitening: Whitening): Promise<string> {
  const path = `${folder}/${WHITENING}`, bytes = await encodeWhitening(whitening), hash = await sha256(bytes);
  if (!(await exists(path))) await writeFile(path, bytes);
  else if (await sha256(await readFile(path)) !== hash) {
    throw new UserError(`Cannot write "${path}": the whitening of another model lies there, choose another folder`);
  }
  return hash;
}

/** Replaces the checkpoint; the one before it stays as checkpoint.previous.safetensors. */
export async function saveCheckpoint(folder: string, checkpoint: Checkpoint): Promise<void> {
  const bytes = await encode(checkpoint);
  const next = `${folder}/${NEXT}`;
  await writeFile(next, bytes); // a full disk fails here, with both old ones in place
  await moveFile(`${folder}/${CHECKPOINT}`, `${folder}/${PREVIOUS}`);
  await moveFile(next, `${folder}/${CHECKPOINT}`);
}

/** Of which finished epochs a run's folder keeps the parameters, in order; 0 is before the first step. */
export async function keptEpochs(folder: string): Promise<number[]> {
  const names = await list(folder);
  return names.flatMap((name) => KEPT.exec(name)?.slice(1).map(Number) ?? []).sort((a, b) => a - b);
}

/** Throws `UserError` where there is no such folder. */
export async function requireRun(folder: string): Promise<void> {
  if (!(await isDirectory(folder))) throw new UserError(`There is no run in "${folder}": no such folder`);
}

/** The latest readable checkpoint of a run's folder; `warn` hears of a damaged one. */
export async function latestCheckpoint(folder: string, warn: (message: string) => void): Promise<Checkpoint> {
  await requireRun(folder);
  let damaged: unknown = null;
  for (const file of CHECKPOINTS) {
    const path = `${folder}/${file}`;
    if (!(await exists(path))) continue;
    try {
      const checkpoint = await decode(await readFile(path), path);
      if (damaged !== null) warn(`${(damaged as Error).message}; using ${path}`);
      return checkpoint;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      damaged ??= error;
    }
  }
  throw damaged ?? new UserError(`There is no run in "${folder}": it holds no ${CHECKPOINT}`);
}

/** A checkpoint from a run's folder or a file, or of a network that comes with allcnn, by its name. */
export async function openCheckpoint(path: string, warn: (message: string) => void): Promise<Checkpoint> {
  if (await isShippedModel(path)) return await decode(await readShippedModel(path), path);
  if (await isDirectory(path)) return await latestCheckpoint(path, warn);
  if (/\.onnx$/i.test(path)) {
    throw new UserError(
      `Cannot use "${path}" as it is: "allcnn look" makes a checkpoint of a file of ONNX; in code, openOnnx opens it`,
    );
  }
  return await decode(await readFile(path), path);
}

/** The config that a checkpoint carries, or null. Throws `UserError` where this version cannot read it. */
export function configOf({ config }: Checkpoint, source: string): Config | null {
  if (config === null) return null;
  const result = configSchema.safeParse(config);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  throw new UserError(`Cannot use the config in "${source}": ${path.join(".") || "config"}: ${message}`);
}

/** The whitening of images of `size` values beside a checkpoint. Throws `UserError` where it is not the one that the checkpoint names. */
export async function readWhitening(folder: string, hash: string, size: number): Promise<Whitening> {
  const path = `${folder}/${WHITENING}`;
  const bytes = await readFile(path);
  if (await sha256(bytes) !== hash) {
    throw new UserError(`Cannot use "${path}": it is not the whitening that the checkpoint was trained with`);
  }
  return await decodeWhitening(bytes, path, size);
}
