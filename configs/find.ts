/** Finds a config: a file by its path, or one of those that come with allcnn by its name, as `quickstart`. */
import { UserError } from "../core/host/errors.ts";
import { pathOf } from "../core/host/file_url.ts";
import { exists, isDirectory, list, readText } from "../core/host/files.ts";

/** The folder of the configs that come along: the same way from configs/ of the sources and from dist/ of a package. */
function shippedFolder(): URL {
  const here = import.meta.url; // by another name, since bundlers take `new URL(..., import.meta.url)` for a file
  return new URL("../configs/", here);
}

/** The names of the configs that come along, sorted; none where allcnn itself comes from the network. */
export async function shippedNames(): Promise<string[]> {
  const folder = shippedFolder();
  if (folder.protocol !== "file:") return [];
  return (await list(pathOf(folder))).filter((name) => name.endsWith(".yaml")).map((name) => name.slice(0, -5)).sort();
}

/** The text of the config of that name that comes with allcnn, or null if there is none. */
export async function readShipped(name: string): Promise<string | null> {
  if (!/^[\w-]+$/.test(name)) return null;
  const url = new URL(`${name}.yaml`, shippedFolder());
  if (url.protocol === "file:") return await exists(pathOf(url)) ? await readText(pathOf(url)) : null;
  const response = await fetch(url).catch(() => null);
  return response?.ok ? await response.text() : null;
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
    const shipped = await readShipped(path);
    if (shipped !== null) return shipped;
    const names = await shippedNames();
    throw new UserError(error.message + (names.length === 0 ? "" : `; by name there are ${names.join(", ")}`));
  }
}
