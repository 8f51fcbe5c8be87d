/** The files of the page, which `npm run build` makes. */
import { UserError } from "../core/host/errors.ts";
import { pathOf } from "../core/host/file_url.ts";
import { exists, readFile } from "../core/host/files.ts";
import type { Reply } from "./route.ts";

/** Path in a request, name in dist/, type. `allcnn.js` is the library for browsers. */
const FILES = [
  ["/", "page/index.html", "text/html; charset=utf-8"],
  ["/page.css", "page/page.css", "text/css; charset=utf-8"],
  ["/page.js", "page/page.js", "text/javascript; charset=utf-8"],
  ["/allcnn.js", "browser.js", "text/javascript; charset=utf-8"],
] as const;

/** dist/: the same way from serve/ of the sources and from dist/ itself. */
export function builtFolder(): string {
  const here = import.meta.url; // by another name, since bundlers take `new URL(..., import.meta.url)` for a file
  return pathOf(new URL("../dist/", here));
}

/** Reads them from the folder `dist`. Throws `UserError` where one is missing. */
export async function readPageFiles(dist: string): Promise<Map<string, Reply>> {
  const files = new Map<string, Reply>();
  for (const [path, name, type] of FILES) {
    const file = `${dist.replace(/\/$/, "")}/${name}`;
    if (!await exists(file)) throw new UserError(`Cannot serve the page: "${file}" is missing, npm run build makes it`);
    files.set(path, { type, body: await readFile(file) });
  }
  return files;
}
