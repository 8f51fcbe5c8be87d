/** Finds a config: a file by its path, or one of those that come with allcnn by its name, as `quickstart`. */
import { UserError } from "../core/host/errors.ts";
import { exists, isDirectory, readText } from "../core/host/files.ts";
import { readShipped, shippedNames } from "../core/host/shipped.ts";

/** Their names, sorted; none where allcnn itself comes from the network. */
export async function shippedConfigs(): Promise<string[]> {
  const names = (await shippedNames("configs/")).filter((name) => name.endsWith(".yaml"));
  return names.map((name) => name.slice(0, -5)).sort();
}

/** The text of the config of that name that comes with allcnn, or null if there is none. */
export async function readShippedConfig(name: string): Promise<string | null> {
  if (!/^[\w-]+$/.test(name)) return null;
  const bytes = await readShipped(`configs/${name}.yaml`);
  return bytes === null ? null : new TextDecoder().decode(bytes);
}

/**
 * The YAML text of a config. A file at `path` comes first, then the config of that name that comes with allcnn.
 * Throws `UserError` where there is neither.
 */
export async function readConfig(path: string): Promise<string> {
  try {
    return await readText(path);
  } catch (error) {
    if (!(error instanceof UserError) || await exists(path) && !await isDirectory(path)) throw error;
    const shipped = await readShippedConfig(path);
    if (shipped !== null) return shipped;
    const names = await shippedConfigs();
    throw new UserError(error.message + (names.length === 0 ? "" : `; by name there are ${names.join(", ")}`));
  }
}
