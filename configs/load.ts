/** Reads a YAML config: parse, apply settings, check against the schema; every error names file, line, column, path. */
import { isMap, isNode, isScalar, isSeq, LineCounter, parse, parseDocument } from "yaml";
import type { Document } from "yaml";
import { UserError, type Words } from "../core/host/errors.ts";
import { describeProblem, type Path, reported } from "../core/kinds/check_options.ts";
import { expandAliases, ExpandError } from "./expand.ts";
import { readConfig } from "./find.ts";
import { type Config, configSchema } from "./schema.ts";

const dotted = (path: Path) => path.join(".");

/** Most characters of a config, and how deep its lists and maps may lie within each other: the parser recurses. */
const MAX_LENGTH = 2 ** 18, MAX_DEPTH = 100;

/** About the depth of a YAML text: of open brackets, of indentation, or of `- `, `? ` and `: ` one behind the other. */
function depthOf(text: string): number {
  let brackets = 0, deepest = 0;
  for (const [sign] of text.matchAll(/[[\]{}]/g)) {
    brackets = Math.max(0, brackets + (sign === "[" || sign === "{" ? 1 : -1));
    deepest = Math.max(deepest, brackets);
  }
  for (const [run] of text.matchAll(/^[ \t]+|(?:[-?:][ \t]+)+/gm)) deepest = Math.max(deepest, run.length / 2);
  return deepest;
}

/** Refuses what would overflow the parser's stack. */
function checkSize(text: string, source: (words: Words) => string): void {
  const refused = (why: string) => new UserError((words) => `${source(words)} is no config: ${why}`);
  if (text.length > MAX_LENGTH) throw refused(`it has ${text.length} characters, expected at most ${MAX_LENGTH}`);
  if (depthOf(text) > MAX_DEPTH) throw refused(`it is nested deeper than ${MAX_DEPTH} levels`);
}

/**
 * The config of a YAML text. `source` names it in errors; `settings` are `path=value`, applied before checking. Throws
 * `UserError` with line and column where something is not allowed.
 *
 * @example
 * ```ts
 * const config = parseConfig(
 *   `
 * name: tiny
 * dataset: { name: shapes }
 * network:
 *   - { conv: { name: conv1, channels: 10, kernel: 3, stride: 4 } }
 *   - globalAveragePool
 * training:
 *   epochs: 5
 *   batch: 32
 *   optimizer: { sgd: { momentum: 0.9, weightDecay: 0 } }
 *   learningRate: { base: 0.01 }
 *   init: { heNormal: {} }
 * `,
 *   "tiny.yaml",
 *   ["training.batch=64"],
 * );
 * console.log(config.training.batch, config.training.evaluateEvery); // 64 1
 * ```
 */
export function parseConfig(text: string, source: string, settings: readonly string[] = []): Config {
  checkSize(text, () => source);
  const lines = new LineCounter();
  let document: Document;
  try {
    document = parseDocument(text, { lineCounter: lines, logLevel: "error", prettyErrors: false });
  } catch (error) { // of the parser's stack
    throw new UserError(`${source} is no config: it cannot be parsed (${(error as Error).message})`);
  }
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${source}:${line}:${col}`;
  };
  const syntax = document.errors[0] ?? document.warnings[0]; // a warning is a tag or version that it does not know
  if (syntax !== undefined) {
    throw new UserError(`${at(syntax.pos[0])} is not valid YAML: ${syntax.message.replace(/; please use YAML.*/, "")}`);
  }
  try {
    expandAliases(document);
  } catch (error) {
    if (!(error instanceof ExpandError)) throw error;
    throw new UserError(`${at(error.offset)} is not valid YAML: ${error.message}`);
  }
  if (!isMap(document.contents)) throw new UserError(`${source}:1:1 is no config: expected keys such as name, dataset`);
  const overridden = settings.map((setting) => applySetting(document, setting));
  const value: unknown = document.toJS();
  const result = configSchema.safeParse(value);
  if (result.success) return result.data;

  const { path, message, unknown } = reported(result.error.issues);
  const setting = overridden.findLast(({ path: set }) => setHere(document, path, set));
  const wrong = describeProblem(configSchema, path, { message, value: document.getIn(path), unknown });
  throw new UserError((words) => {
    const place = setting === undefined ? at(offsetOf(document, path)) : words.setting(setting.text);
    return `${place} ${dotted(path) || "config"}: ${wrong}`;
  });
}

/** Did the setting of `set` make the value at `path`, or the nearest enclosing one? What a setting makes has no range. */
function setHere(document: Document, path: Path, set: Path): boolean {
  let length = path.length;
  while (length > 0 && !isNode(document.getIn(path.slice(0, length), true))) length--;
  const node = document.getIn(path.slice(0, length), true);
  return isNode(node) && !node.range && path.slice(0, length).every((part, i) => i >= set.length || part === set[i]);
}

/** Where the value at `path` stands in the text, or the nearest enclosing one that exists. */
function offsetOf(document: Document, path: Path): number {
  const parent = path.length === 0 ? document.contents : document.getIn(path.slice(0, -1), true);
  if (isMap(parent)) {
    const pair = parent.items.find(({ key }) => isScalar(key) && key.value === path.at(-1));
    if (pair !== undefined && isNode(pair.key)) return pair.key.range![0];
  }
  for (let length = path.length; length >= 0; length--) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return 0;
}

/** Applies `path=value`, the value read as YAML. Throws `UserError` on anything else. */
function applySetting(document: Document, text: string): { text: string; path: Path } {
  const split = text.indexOf("=");
  const refused = (action: string, why: string) =>
    new UserError(({ setting }) => `Cannot ${action} ${setting(text)}: ${why}`);
  if (split < 1) throw refused("read", "expected path=value, as training.batch=64");
  const path = text.slice(0, split).split(".").map((part) => /^\d+$/.test(part) ? Number(part) : part);
  const beyond = path.findIndex((part, i) => {
    const list = document.getIn(path.slice(0, i), true);
    // At its length a list grows. Where there is none yet, a far index would make one of as many elements.
    return isSeq(list)
      ? !(typeof part === "number" && part <= list.items.length)
      : typeof part === "number" && part > 0 && !isMap(list);
  });
  checkSize(text, ({ setting }) => setting(text.slice(0, split)));
  let value: unknown;
  try {
    value = parse(text.slice(split + 1), { logLevel: "error" });
  } catch {
    throw refused("read", `${text.slice(split + 1)} is not valid YAML`);
  }
  try {
    if (beyond >= 0) throw new RangeError();
    document.setIn(path, document.createNode(value));
  } catch {
    throw refused("apply", `there is no ${dotted(path)} in this config`);
  }
  return { text, path };
}

/**
 * The config of a YAML file, or of a name as `quickstart`, where there is no such file: those of the folder configs/ come
 * with allcnn. `settings` as for `parseConfig`. Throws `UserError` where it cannot be read or is not valid.
 *
 * @example
 * ```ts
 * const config = await loadConfig("quickstart", ["training.epochs=2"]);
 * console.log(config.name, config.training.epochs); // quickstart 2
 * ```
 */
export async function loadConfig(path: string, settings: readonly string[] = []): Promise<Config> {
  return parseConfig(await readConfig(path), path, settings);
}
