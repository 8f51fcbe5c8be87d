/** What makes one training another than the config that comes with allcnn. */
import type { Config } from "../configs/schema.ts";

/**
 * These are no difference: the rate is what the paper searches, images held out serve that search, and the others change
 * no result.
 */
const IGNORED = new Set([
  "name",
  "dataset.holdOut",
  "training.learningRate.base",
  "training.evaluateEvery",
  "training.checkpointMinutes",
  "training.keepEvery",
]);

/** Every value by its path; lists of plain values are one value. */
function valuesOf(value: unknown, path = ""): (readonly [path: string, value: string])[] {
  const plainList = Array.isArray(value) && value.every((entry) => typeof entry !== "object" || entry === null);
  if (typeof value !== "object" || value === null || plainList) {
    return value === undefined ? [] : [[path, typeof value === "string" ? value : JSON.stringify(value)]];
  }
  const entries = Object.entries(value);
  if (entries.length === 0) return [[path, JSON.stringify(value)]];
  return entries.flatMap(([key, entry]) => valuesOf(entry, path === "" ? key : `${path}.${key}`));
}

/** "training.epochs: 6 instead of 350", one entry per value that differs, in the order of `config`; its name aside. */
export function configDifferences(config: Config, original: Config): string[] {
  const has = new Map(valuesOf({ ...config, paper: undefined }));
  const had = new Map(valuesOf({ ...original, paper: undefined }));
  return [...new Set([...has.keys(), ...had.keys()])]
    .filter((path) => !IGNORED.has(path) && has.get(path) !== had.get(path))
    .map((path) => `${path}: ${has.get(path) ?? "none"} instead of ${had.get(path) ?? "none"}`);
}

/** Is such a difference one of the network or the data set, and not only of how it is trained? */
export function isForeign(difference: string): boolean {
  return /^(network|width|dataset\.(name|labels))\b/.test(difference);
}
