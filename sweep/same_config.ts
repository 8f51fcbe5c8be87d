import { parseConfig } from "../configs/load.ts";
import type { Config } from "../configs/schema.ts";
import { UserError } from "../core/host/errors.ts";
import { exists, readText } from "../core/host/files.ts";

/** Throws `UserError` where the folder holds a run of another config; what is at the paths `except` may differ. */
export async function checkSameConfig(folder: string, config: Config, except: readonly string[] = []): Promise<void> {
  const path = `${folder}/config.yaml`;
  if (!(await exists(path))) return;
  const difference = differenceOf(parseConfig(await readText(path), path), config, "", except);
  if (difference === null) return;
  throw new UserError(
    `Cannot go on with the sweep of the run in "${folder}": it was started with another config, ${difference}; choose ` +
      "another --out",
  );
}

/** Where two values differ, "training.batch is 64 there and 128 now", or null. */
function differenceOf(there: unknown, now: unknown, path: string, except: readonly string[]): string | null {
  if (except.includes(path)) return null;
  const isMap = (value: unknown) => typeof value === "object" && value !== null;
  if (!isMap(there) || !isMap(now)) {
    const said = (value: unknown) => value === undefined ? "not set" : JSON.stringify(value);
    return Object.is(there, now) ? null : `${path} is ${said(there)} there and ${said(now)} now`;
  }
  const [a, b] = [there as Record<string, unknown>, now as Record<string, unknown>];
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const difference = differenceOf(a[key], b[key], path === "" ? key : `${path}.${key}`, except);
    if (difference !== null) return difference;
  }
  return null;
}
