/** The only door to files. Node's file system, which Deno has too; every failure becomes one clear `UserError`. */
import {
  lstat,
  mkdir,
  open,
  readdir,
  readFile as readBytes,
  readlink,
  realpath,
  rename,
  rm,
  rmdir,
  stat,
  statfs,
  utimes,
} from "node:fs/promises";
import { Buffer } from "node:buffer";
import { tmpdir, userInfo } from "node:os";
import { basename, dirname, isAbsolute, resolve } from "node:path";
import { fileError } from "./errors.ts";
import { environment } from "./process.ts";
import { temporaryName } from "./temporary.ts";

/** The bytes of a file, or of what is piped. Throws `UserError` where it cannot be read, as a device, which may never end. */
export async function readFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    if (await isDevice(path)) throw Object.assign(new Error(), { code: "ESPECIAL" });
    const bytes = await readBytes(path);
    return new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
  } catch (error) {
    throw fileError("read", path, error);
  }
}

/** Is it a device or a socket? A missing path is none. */
async function isDevice(path: string): Promise<boolean> {
  return await stat(path).then((info) => !info.isFile() && !info.isDirectory() && !info.isFIFO(), () => false);
}

/** As `readFile`, but refuses a pipe too, which may never end: for what lies in a folder, and nobody has named. */
export async function readStoredFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const info = await stat(path).catch((error: unknown) => {
    throw fileError("read", path, error);
  });
  if (!info.isFile() && !info.isDirectory()) throw fileError("read", path, { code: "ESPECIAL" });
  return await readFile(path);
}

/** The text of a file: UTF-8, or UTF-16 where it says so, as PowerShell writes it. Throws `UserError` where it cannot be read. */
export async function readText(path: string): Promise<string> {
  const bytes = await readFile(path), mark = 256 * (bytes[0] ?? 0) + (bytes[1] ?? 0);
  return new TextDecoder(mark === 0xfffe ? "utf-16le" : mark === 0xfeff ? "utf-16be" : "utf-8").decode(bytes);
}

/** The first bytes of a file; null where there is none, or something else. Throws `UserError` where it cannot be read. */
export async function readStart(path: string, length: number): Promise<Uint8Array | null> {
  if (!await stat(path).then((info) => info.isFile(), () => false)) return null;
  try {
    const file = await open(path, "r");
    const { buffer, bytesRead } = await file.read(new Uint8Array(length)).finally(() => file.close());
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    throw fileError("read", path, error);
  }
}

/** One text for all paths that lead to a file, which need not exist yet. */
export async function placeOf(path: string): Promise<string> {
  const target = await followLinks(path).catch(() => path);
  return await realpath(target).catch(async () =>
    resolve(await realpath(dirname(target)).catch(() => dirname(target)), basename(target))
  );
}

/** Is there a file or folder of this path? */
export async function exists(path: string): Promise<boolean> {
  return await stat(path).then(() => true, () => false);
}

export async function isDirectory(path: string): Promise<boolean> {
  return await stat(path).then((info) => info.isDirectory(), () => false);
}

/** Names of the entries of a folder, sorted; empty if there is no such folder. */
export async function list(path: string): Promise<string[]> {
  return await readdir(path).then((names) => names.sort(), () => []);
}

/** What an entry of a folder is, links followed; "other" is a pipe, a device, or a link that leads nowhere. */
export interface Entry {
  readonly name: string;
  readonly type: "file" | "folder" | "other";
}

/** The entries of a folder, sorted by name. Throws `UserError` where it cannot be read. */
export async function entriesOf(path: string): Promise<Entry[]> {
  const typeOf = (info: { isFile(): boolean; isDirectory(): boolean }) =>
    info.isFile() ? "file" : info.isDirectory() ? "folder" : "other";
  try {
    const entries: Entry[] = [];
    for (const entry of await readdir(path, { withFileTypes: true })) {
      const { name } = entry, type = typeOf(entry);
      entries.push({ name, type: type === "other" ? await stat(`${path}/${name}`).then(typeOf, () => type) : type });
    }
    return entries.sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
  } catch (error) {
    throw fileError("read the folder", path, error);
  }
}

export async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    throw fileError("create the folder", path, await reasonOf(path, error));
  }
}

/** Node says ENOENT of folders in a file system that is read-only; making the topmost of them alone tells why. */
async function reasonOf(path: string, error: unknown): Promise<unknown> {
  if ((error as { code?: string }).code !== "ENOENT") return error;
  let topmost = resolve(path);
  while (!await exists(dirname(topmost))) topmost = dirname(topmost);
  return await mkdir(topmost).then(() => error, (reason: unknown) => reason);
}

/** Most links from one to the next that are followed, as Linux does it. */
const MOST_LINKS = 40;

/** Where a path leads: links are followed, also one whose target does not exist yet. */
async function followLinks(path: string): Promise<string> {
  for (let at = path, links = 0;; links++) {
    if (!await lstat(at).then((info) => info.isSymbolicLink(), () => false)) return at;
    if (links === MOST_LINKS) throw Object.assign(new Error("it is a link that leads to itself"), { code: "ELOOP" });
    at = resolve(dirname(at), await readlink(at));
  }
}

/** A file that this process holds open, as standard output: whoever reads it would not see another in its place. */
const OPEN_FILE = /^\/dev\/(stdout|stderr|fd\/\d+)$|^\/proc\/[^/]+\/fd\/\d+$/;

/** Is there something that is neither file nor folder: a device, a pipe, a socket? Then it is written into. */
async function isSpecial(path: string): Promise<boolean> {
  if (OPEN_FILE.test(path)) return true;
  return await stat(path).then((info) => !info.isFile() && !info.isDirectory(), () => false);
}

/**
 * Replaces a file at once: writes beside it, flushes to the disk, renames. A crash or a full disk leaves the old
 * contents; of processes that write at the same time, the last wins. Creates missing folders. A link is followed, what is
 * no file, as a pipe, is written into, and a file keeps its permissions. Without `flush`, a crash of the whole machine may
 * lose the file.
 */
export async function writeFile(
  path: string,
  contents: Uint8Array | string,
  { flush = true }: { readonly flush?: boolean } = {},
): Promise<void> {
  await makeDirectory(dirname(path));
  let temporary: string | null = null;
  try {
    if (await isSpecial(path)) {
      const file = await open(path, "a");
      return await file.writeFile(contents).finally(() => file.close());
    }
    const target = await followLinks(path);
    temporary = temporaryName(target);
    const mode = await stat(target).then((info) => info.mode & 0o777, () => undefined);
    const file = await open(temporary, "w");
    try {
      if (mode !== undefined) await file.chmod(mode);
      await file.writeFile(contents);
      if (flush) await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
  } catch (error) {
    if (temporary !== null) await rm(temporary, { force: true }).catch(() => {});
    throw fileError("write", path, error);
  }
}

/** Writes behind what a file holds, which is made where there is none: for logs that others follow while they grow. */
export async function appendFile(path: string, parts: readonly Uint8Array[]): Promise<void> {
  await makeDirectory(dirname(path));
  try {
    const file = await open(path, "a");
    await file.writeFile(Buffer.concat(parts)).finally(() => file.close());
  } catch (error) {
    throw fileError("write", path, error);
  }
}

/** Writes a file unless it exists; returns whether it did. Of processes that try at the same time, one does. */
export async function createFile(path: string, contents: string): Promise<boolean> {
  await makeDirectory(dirname(path));
  try {
    const file = await open(path, "wx");
    try {
      await file.writeFile(contents);
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === "EEXIST") return false;
    throw fileError("write", path, error);
  }
}

/** Sets the time at which a file was modified to now, if it exists. */
export async function touch(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => {});
}

/** When a file was modified, in milliseconds of the clock that its file system uses; null if it does not exist. */
export async function modified(path: string): Promise<number | null> {
  try {
    const file = await open(path, "r"); // opened, so that a network file system asks its server
    try {
      return (await file.stat()).mtimeMs;
    } finally {
      await file.close();
    }
  } catch {
    return null;
  }
}

/** Deletes a folder if it is empty. */
export async function removeEmptyDirectory(path: string): Promise<void> {
  await rmdir(path).catch(() => {});
}

/** Bytes that are free on the disk of a folder; null where nobody tells. */
export async function freeBytes(path: string): Promise<number | null> {
  return await statfs(path).then(({ bavail, bsize }) => bavail * bsize, () => null);
}

/** Deletes a file if it exists. */
export async function removeFile(path: string): Promise<void> {
  try {
    await rm(path, { force: true });
  } catch (error) {
    throw fileError("delete", path, error);
  }
}

/** Renames a file if it exists. */
export async function moveFile(from: string, to: string): Promise<void> {
  try {
    if (await exists(from)) await rename(from, to);
  } catch (error) {
    throw fileError("rename", from, error);
  }
}

/** The folder that a file lies in. */
export function folderOf(path: string): string {
  return dirname(path);
}

/** The path from the root of the file system. */
export function absolutePath(path: string): string {
  return resolve(path);
}

/** A folder that a variable names; the XDG specification says that an empty or relative one counts as unset. */
function namedFolder(variable: string): string | undefined {
  const path = environment(variable);
  return path !== undefined && isAbsolute(path) ? path : undefined;
}

/** The home of a user, null where there is none, as for a service. */
function home(): string | null {
  try {
    return namedFolder("HOME") ?? userInfo().homedir;
  } catch {
    return null;
  }
}

/** Where caches live: ALLCNN_CACHE, else the user's cache folder; without a home, a folder for temporary files. */
export function cacheDirectory(): string {
  const own = environment("ALLCNN_CACHE");
  if (own !== undefined) return own;
  const folder = home(), cache = namedFolder("XDG_CACHE_HOME") ?? (folder === null ? null : `${folder}/.cache`);
  return `${cache ?? tmpdir()}/allcnn`;
}
