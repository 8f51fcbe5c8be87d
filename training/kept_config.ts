/** The config.yaml in a run's folder, compared with what the run was trained with: people edit it. */
import { parseConfig } from "../configs/load.ts";
import type { Config } from "../configs/schema.ts";
import { exists, readText } from "../core/host/files.ts";

/**
 * Where the config.yaml of a folder says something else than `config`, "training.batch is 64 there and 32 now"; null where
 * it does not, or there is none. `except` are paths that may differ, `other` says where `config` is from. Throws
 * `UserError` where the file is no config.
 */
export async function keptDifference(
  folder: string,
  config: Config,
  { except = [], other = "now" }: { readonly except?: readonly string[]; readonly other?: string } = {},
): Promise<string | null> {
  const path = `${folder}/config.yaml`;
  if (!(await exists(path))) return null;
  return configDifference(parseConfig(await readText(path), path), config, ["there", other], except);
}

/** Where two configs differ, "training.batch is 64 there and 32 now" in the words of `places`, or null. */
export function configDifference(
  a: Config,
  b: Config,
  places: readonly [string, string],
  except: readonly string[] = [],
): string | null {
  return differenceOf(a, b, "", places, except);
}

function differenceOf(
  a: unknown,
  b: unknown,
  path: string,
  places: readonly [string, string],
  except: readonly string[],
): string | null {
  if (except.includes(path)) return null;
  const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
    typeof value === "object" && value !== null;
  if (!isMap(a) || !isMap(b)) {
    const said = (value: unknown) => value === undefined ? "not set" : JSON.stringify(value);
    return Object.is(a, b) ? null : `${path} is ${said(a)} ${places[0]} and ${said(b)} ${places[1]}`;
  }
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const difference = differenceOf(a[key], b[key], path === "" ? key : `${path}.${key}`, places, except);
    if (difference !== null) return difference;
  }
  return null;
}
