/** Reads a YAML config: parse, apply `--set`, check against the schema; every error names file, line, column, path. */
import { isMap, isNode, isScalar, isSeq, LineCounter, parse, parseDocument } from "yaml";
import type { Document } from "yaml";
import { UserError } from "../core/errors.ts";
import { readText } from "../core/storage.ts";
import { explain, type Path, reported } from "../layers/explain_issue.ts";
import { type Config, configSchema } from "./schema.ts";

const dotted = (path: Path) => path.join(".");

/** The config of a YAML text. `source` names it in errors; `settings` are `path=value`, applied before checking. */
export function parseConfig(text: string, source: string, settings: readonly string[] = []): Config {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${source}:${line}:${col}`;
  };
  const syntax = document.errors[0];
  if (syntax !== undefined) {
    throw new UserError(`${at(syntax.pos[0])} is not valid YAML: ${syntax.message.split("\n")[0]!.replace(/:$/, "")}`);
  }
  if (!isMap(document.contents)) throw new UserError(`${source}:1:1 is no config: expected keys such as name, dataset`);
  const overridden = settings.map((setting) => applySetting(document, setting));
  let value: unknown;
  try {
    value = document.toJS();
  } catch (error) { // an alias without its anchor, or too many of them
    throw new UserError(`${source}:1:1 is not valid YAML: ${(error as Error).message}`);
  }
  const result = configSchema.safeParse(value);
  if (result.success) return result.data;

  const { path, message, unknown } = reported(result.error.issues);
  const setting = overridden.findLast(({ path: set }) => setHere(document, path, set));
  const place = setting === undefined ? at(offsetOf(document, path)) : `--set ${setting.text}`;
  const wrong = explain(configSchema, path, { message, value: document.getIn(path), unknown });
  throw new UserError(`${place} ${dotted(path) || "config"}: ${wrong}`);
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
  if (split < 1) throw new UserError(`Cannot read --set ${text}: expected path=value, as training.batch=64`);
  const path = text.slice(0, split).split(".").map((part) => /^\d+$/.test(part) ? Number(part) : part);
  const beyond = path.findIndex((part, i) => {
    const list = document.getIn(path.slice(0, i), true);
    return isSeq(list) && typeof part === "number" && part > list.items.length; // at the length it appends
  });
  let value: unknown;
  try {
    value = parse(text.slice(split + 1));
  } catch {
    throw new UserError(`Cannot read --set ${text}: ${text.slice(split + 1)} is not valid YAML`);
  }
  try {
    if (beyond >= 0) throw new RangeError();
    document.setIn(path, document.createNode(value));
  } catch {
    throw new UserError(`Cannot apply --set ${text}: there is no ${dotted(path)} in this config`);
  }
  return { text, path };
}

/** The config of a file. Throws `UserError` where it cannot be read or is not valid. */
export async function loadConfig(path: string, settings: readonly string[] = []): Promise<Config> {
  return parseConfig(await readText(path), path, settings);
}
