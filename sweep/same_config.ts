import { parseConfig } from "../configs/load.ts";
import type { Config } from "../configs/schema.ts";
import { UserError } from "../core/errors.ts";
import { exists, readText } from "../core/storage.ts";

/** Throws `UserError` where the folder holds a run of another config. */
export async function checkSameConfig(out: string, config: Config): Promise<void> {
  const path = `${out}/config.yaml`;
  if (!(await exists(path))) return;
  const found = parseConfig(await readText(path), path);
  const difference = differenceOf(found, config, "");
  if (difference === null) return;
  throw new UserError(
    `Cannot go on with the run in "${out}": it was started with another config, ${difference}; choose another --out, or ` +
      "delete that folder",
  );
}

/** Where two values differ, "training.batch is 64 there and 128 now", or null. */
function differenceOf(there: unknown, now: unknown, path: string): string | null {
  const isMap = (value: unknown) => typeof value === "object" && value !== null;
  if (!isMap(there) || !isMap(now)) {
    return Object.is(there, now) ? null : `${path} is ${JSON.stringify(there)} there and ${JSON.stringify(now)} now`;
  }
  const [a, b] = [there as Record<string, unknown>, now as Record<string, unknown>];
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const difference = differenceOf(a[key], b[key], path === "" ? key : `${path}.${key}`);
    if (difference !== null) return difference;
  }
  return null;
}
