/**
 * What was measured, on disk: one JSON file for each subject, in a folder for each scope (device, driver, limits,
 * toggles, Dawn's version), tune/<hash of the scope>/<kernel>-<hash of the subject>.json in the cache folder. Files are
 * replaced at once and independent of each other, so any number of processes may read and write them.
 */
import { oneLine, UserError } from "../host/errors.ts";
import { cacheDirectory, exists, list, moveFile, readText, removeFile, writeFile } from "../host/files.ts";
import { type Entry, mergedRows } from "./tune_entry.ts";
import { hashOf, keyOf, type Task } from "./tune_task.ts";

/** What was measured on one device, as files of JSON. */
export interface TuneCache {
  /** The device it is of: `scope` of a `Context`. */
  readonly scope: string;
  /** The scope's folder. */
  readonly folder: string;
  /** What is known of a task, or null. */
  read(task: Task): Promise<Entry | null>;
  /** Replaces what is known of a task; candidates that other processes tried meanwhile are kept. */
  write(task: Task, entry: Entry): Promise<void>;
  /** Forgets what is known of a task. */
  remove(task: Task): Promise<void>;
  /** Every entry of the scope. */
  all(): Promise<Entry[]>;
  /**
   * Adds entries made elsewhere, whose rows replace those of the same tunings. Throws `UserError`, naming `source`, where one
   * is damaged or of another scope.
   */
  add(entries: readonly Entry[], source: string): Promise<void>;
}

type Json = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isNumber = (value: unknown) => typeof value === "number" && Number.isFinite(value);
const isTexts = (value: unknown) => Array.isArray(value) && value.every((each) => typeof each === "string");

function isRow(row: unknown): boolean {
  if (!isObject(row) || typeof row["hash"] !== "string" || typeof row["reason"] !== "string") return false;
  if (!isObject(row["tuning"]) || !isNumber(row["samples"])) return false;
  if (row["compileSeconds"] !== null && !isNumber(row["compileSeconds"])) return false;
  if (row["status"] === "timed") return isNumber(row["seconds"]);
  return ["rejected", "invalid", "unfinished"].includes(row["status"] as string) && row["seconds"] === null;
}

function isExpected(expected: unknown): boolean {
  if (expected === null) return true;
  if (!isObject(expected) || !Array.isArray(expected["outputs"]) || !Array.isArray(expected["inPlace"])) return false;
  return expected["outputs"].length === expected["inPlace"].length &&
    expected["outputs"].every((each) =>
      isObject(each) && isNumber(each["norm"]) && Array.isArray(each["projections"]) &&
      each["projections"].length === 2 && each["projections"].every(isNumber)
    );
}

/** Why a value is no entry of `scope`, or null. */
function flaw(value: unknown, scope: string): string | null {
  if (!isObject(value) || value["version"] !== 1) return "the format is another";
  if (value["scope"] !== scope) return "the device, driver, toggles or version of Dawn are others";
  const { subject, rows } = value;
  const whole = isObject(subject) && /^\w+$/.test(String(subject["kernel"])) && isTexts(subject["reads"]) &&
    isTexts(subject["writes"]) && typeof value["offered"] === "string" && isNumber(value["budgetSeconds"]) &&
    (value["winner"] === null || isObject(value["winner"])) && isExpected(value["expected"]) &&
    Array.isArray(rows) && rows.every(isRow);
  if (!whole) return "a field is missing or of another type";
  try {
    JSON.stringify(value); // as it will be written: the stack overflows where it is nested deep enough
  } catch {
    return "it is nested too deeply";
  }
  return null;
}

/** Parses an entry; throws an `Error` that says what is wrong with it. */
function parse(text: string, scope: string): Entry {
  const value: unknown = JSON.parse(text), wrong = flaw(value, scope);
  if (wrong !== null) throw new Error(wrong);
  return value as Entry;
}

/**
 * Opens the cache of a scope. `warn` hears of a damaged file, which is set aside, and once of a folder that cannot be
 * written: the work goes on without.
 */
export async function openTuneCache(
  scope: string,
  warn: (message: string) => void,
  root = `${cacheDirectory()}/tune`,
): Promise<TuneCache> {
  const folder = `${root}/${await hashOf(scope)}`;
  /** Entries that could not be written. */
  const unwritten = new Map<string, Entry>();

  const load = async (path: string): Promise<Entry | null> => {
    const kept = unwritten.get(path);
    if (kept !== undefined) return kept;
    if (!(await exists(path))) return null;
    try {
      return parse(await readText(path), scope);
    } catch (error) {
      if (error instanceof UserError) return null; // gone or unreadable: as if it were not there
      await moveFile(path, `${path}.damaged`).catch(() => {});
      warn(`Set aside as ${path}.damaged, a tuning that cannot be used: ${oneLine((error as Error).message)}`);
      return null;
    }
  };
  const save = async (path: string, entry: Entry): Promise<void> => {
    try {
      await writeFile(path, `${JSON.stringify(entry, null, 1)}\n`, { flush: false });
      unwritten.delete(path);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      if (unwritten.size === 0) warn(`${error.message}: tunings are kept only until this program ends`);
      unwritten.set(path, entry);
    }
  };
  const pathOf = (kernel: string, key: string) => `${folder}/${kernel}-${key}.json`;
  const find = async (kernel: string, key: string) => await load(pathOf(kernel, key));

  return {
    scope,
    folder,
    read: async ({ subject, key }) => await find(subject.kernel, key),
    async write({ subject: { kernel }, key, candidates }, entry) {
      const offered = new Set(candidates.map(({ text }) => text)), before = await find(kernel, key);
      const kept = (before?.rows ?? []).filter(({ tuning, status }) =>
        offered.has(JSON.stringify(tuning)) && status !== "unfinished" // this search's own, which it has finished
      );
      await save(pathOf(kernel, key), { ...entry, rows: mergedRows(kept, entry.rows) });
    },
    async remove({ subject: { kernel }, key }) {
      unwritten.delete(pathOf(kernel, key));
      await removeFile(pathOf(kernel, key));
    },
    async all() {
      const names = (await list(folder)).filter((name) => name.endsWith(".json"));
      return (await Promise.all(names.map((name) => load(`${folder}/${name}`)))).filter((entry) => entry !== null);
    },
    async add(entries, source) {
      const wrong = entries.map((entry) => flaw(entry, scope)).find((each) => each !== null);
      if (wrong !== undefined) throw new UserError(`Cannot import "${source}": of one of its tunings, ${wrong}`);
      for (const entry of entries) {
        const { kernel } = entry.subject, key = await keyOf(entry.subject), before = await find(kernel, key);
        await save(pathOf(kernel, key), { ...entry, rows: mergedRows(before?.rows ?? [], entry.rows) });
      }
    },
  };
}
