/** The files that come with allcnn, configs and a trained network: they lie beside the sources, and beside dist/ of a package. */
import { pathOf } from "./file_url.ts";
import { exists, list, readFile } from "./files.ts";

/** The address of such a file or folder, as "configs/". */
export function shippedUrl(path: string): URL {
  const here = import.meta.url; // by another name, since bundlers take `new URL(..., import.meta.url)` for a file
  const inSources = new URL(here).pathname.endsWith("/core/host/shipped.ts");
  return new URL(path, new URL(inSources ? "../../" : "../", here));
}

/** The names in a folder of them, sorted; none where allcnn itself comes from the network. */
export async function shippedNames(folder: string): Promise<string[]> {
  const url = shippedUrl(folder);
  return url.protocol === "file:" ? await list(pathOf(url)) : [];
}

/** The bytes of such a file, fetched where allcnn itself comes from the network; null if there is none. */
export async function readShipped(path: string): Promise<Uint8Array<ArrayBuffer> | null> {
  const url = shippedUrl(path);
  if (url.protocol === "file:") return await exists(pathOf(url)) ? await readFile(pathOf(url)) : null;
  const response = await fetch(url).catch(() => null);
  return response?.ok ? new Uint8Array(await response.arrayBuffer()) : null;
}
