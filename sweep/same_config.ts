import type { Config } from "../configs/schema.ts";
import { UserError } from "../core/host/errors.ts";
import { keptDifference } from "../training/kept_config.ts";

/** Throws `UserError` where the folder holds a run of another config; what is at the paths `except` may differ. */
export async function checkSameConfig(folder: string, config: Config, except: readonly string[] = []): Promise<void> {
  const difference = await keptDifference(folder, config, { except });
  if (difference === null) return;
  throw new UserError(
    `Cannot go on with the sweep of the run in "${folder}": it was started with another config, ${difference}; choose ` +
      "another --out",
  );
}
