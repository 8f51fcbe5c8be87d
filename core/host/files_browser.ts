/**
 * `files.ts` for browsers, where bundles have this file in its place (scripts/browser_modules.ts): the same functions on
 * IndexedDB, one object store from path to bytes, but for those that processes need to lock a folder. Paths have no root: "/a/b", "a/b" and "./a//b" are one file.
 */
import { UserError } from "./errors.ts";

const DATABASE = "allcnn", FILES = "files";

let opened: Promise<IDBDatabase> | null = null;

function finished<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error!);
  });
}

/** The database, opened at the first use; again after a failure, or where the user or another page took it away. */
function database(): Promise<IDBDatabase> {
  if (opened !== null) return opened;
  const forget = () => opened = null;
  const open = async () => {
    const request = globalThis.indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(FILES);
    const found = await finished(request);
    found.onclose = forget;
    found.onversionchange = () => {
      found.close();
      forget();
    };
    return found;
  };
  opened = open();
  opened.catch(forget);
  return opened;
}

/** The object store in a transaction of its own, and a promise for its end: what it wrote counts all or not at all. */
async function transaction(
  mode: IDBTransactionMode,
  durability: IDBTransactionDurability = "relaxed",
): Promise<{ files: IDBObjectStore; end: Promise<void> }> {
  const started = (await database()).transaction(FILES, mode, { durability });
  const end = new Promise<void>((resolve, reject) => {
    started.oncomplete = () => resolve();
    started.onabort = () => reject(started.error ?? new Error("the transaction was aborted"));
  });
  end.catch(() => {}); // a caller that fails before it waits for the end has its own error
  return { files: started.objectStore(FILES), end };
}

/** Why a path cannot be used: text for people. */
class Reason extends Error {}

const MISSING = "it does not exist", IS_FOLDER = "it is a folder", NO_FOLDER = "a part of the path is not a folder";

function failure(action: string, path: string, error: unknown): UserError {
  const { name, message } = error as Error;
  const reason = name === "QuotaExceededError"
    ? "the browser's storage is full, free some and try again"
    : error instanceof Reason
    ? message
    : globalThis.indexedDB === undefined
    ? "this browser offers no IndexedDB here"
    : `${name}: ${message}`;
  return new UserError(`Cannot ${action} "${path}": ${reason}`);
}

/** The key of a file: its path without ".", ".." and empty parts. */
function keyOf(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.join("/");
}

/** All keys below a folder; "folder/" itself is the mark of one that was made. "0" follows "/" in the order of keys. */
function below(key: string): IDBKeyRange | null {
  return key === "" ? null : IDBKeyRange.bound(`${key}/`, `${key}0`, false, true);
}

async function isFolder(files: IDBObjectStore, key: string): Promise<boolean> {
  return await finished(files.count(below(key) ?? undefined)) > 0;
}

/** Throws where a part of the path, the last one aside, is a file. */
async function checkFolders(files: IDBObjectStore, key: string): Promise<void> {
  for (let end = key.indexOf("/"); end >= 0; end = key.indexOf("/", end + 1)) {
    if (await finished(files.count(key.slice(0, end))) > 0) throw new Reason(NO_FOLDER);
  }
}

/** The bytes of a file. Throws `UserError` where it cannot be read. */
export async function readFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const { files } = await transaction("readonly"), key = keyOf(path);
    const bytes: unknown = await finished(files.get(key));
    if (bytes instanceof Uint8Array) return bytes as Uint8Array<ArrayBuffer>;
    throw new Reason(await isFolder(files, key) ? IS_FOLDER : MISSING);
  } catch (error) {
    throw failure("read", path, error);
  }
}

/** As `readFile`: here all files end. */
export const readStoredFile = readFile;

/** The text of a file. Throws `UserError` where it cannot be read. */
export async function readText(path: string): Promise<string> {
  return new TextDecoder().decode(await readFile(path));
}

/** Is there a file or folder of this path? */
export async function exists(path: string): Promise<boolean> {
  try {
    const { files } = await transaction("readonly"), key = keyOf(path);
    return await finished(files.count(key)) > 0 || await isFolder(files, key);
  } catch {
    return false;
  }
}

export async function isDirectory(path: string): Promise<boolean> {
  try {
    return await isFolder((await transaction("readonly")).files, keyOf(path));
  } catch {
    return false;
  }
}

/** Names of the entries of a folder, sorted; empty if there is no such folder. */
export async function list(path: string): Promise<string[]> {
  try {
    const { files } = await transaction("readonly"), key = keyOf(path), start = key === "" ? 0 : key.length + 1;
    const keys = await finished(files.getAllKeys(below(key))) as string[];
    return [...new Set(keys.map((each) => each.slice(start).split("/")[0]!))].filter((name) => name !== "").sort();
  } catch {
    return [];
  }
}

/** An entry of a folder. */
export interface Entry {
  readonly name: string;
  readonly type: "file" | "folder" | "other";
}

/** The entries of a folder, sorted by name. */
export async function entriesOf(path: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const name of await list(path)) {
    entries.push({ name, type: await isDirectory(`${path}/${name}`) ? "folder" : "file" });
  }
  return entries;
}

export async function makeDirectory(path: string): Promise<void> {
  try {
    const { files, end } = await transaction("readwrite"), mark = `${keyOf(path)}/`;
    await checkFolders(files, mark);
    files.put(new Uint8Array(), mark);
    await end;
  } catch (error) {
    throw failure("create the folder", path, error);
  }
}

/**
 * Replaces a file in one transaction: a crash or full storage leaves the old contents; of pages that write at the same
 * time, the last wins. Creates missing folders. Without `flush`, a crash of the whole machine may lose the file.
 */
export async function writeFile(
  path: string,
  contents: Uint8Array | string,
  { flush = true }: { readonly flush?: boolean } = {},
): Promise<void> {
  // A copy: IndexedDB would keep all of the memory that the array is a window of.
  const bytes = typeof contents === "string" ? new TextEncoder().encode(contents) : contents.slice();
  try {
    const { files, end } = await transaction("readwrite", flush ? "strict" : "relaxed"), key = keyOf(path);
    await checkFolders(files, key);
    if (await isFolder(files, key)) throw new Reason(IS_FOLDER);
    files.put(bytes, key);
    await end;
  } catch (error) {
    throw failure("write", path, error);
  }
}

/** Writes behind what a file holds, which is made where there is none. */
export async function appendFile(path: string, parts: readonly Uint8Array[]): Promise<void> {
  const before = await exists(path) ? await readFile(path) : new Uint8Array();
  await writeFile(path, new Uint8Array(await new Blob([before, ...parts] as BlobPart[]).arrayBuffer()));
}

/** Deletes a file if it exists. */
export async function removeFile(path: string): Promise<void> {
  try {
    const { files, end } = await transaction("readwrite"), key = keyOf(path);
    if (await isFolder(files, key)) throw new Reason(IS_FOLDER);
    files.delete(key);
    await end;
  } catch (error) {
    throw failure("delete", path, error);
  }
}

/** Renames a file if it exists. */
export async function moveFile(from: string, to: string): Promise<void> {
  try {
    const { files, end } = await transaction("readwrite"), [source, target] = [keyOf(from), keyOf(to)];
    const bytes: unknown = await finished(files.get(source));
    if (bytes === undefined || source === target) return;
    await checkFolders(files, target);
    if (await isFolder(files, target)) throw new Reason(IS_FOLDER);
    files.put(bytes, target);
    files.delete(source);
    await end;
  } catch (error) {
    throw failure("rename", from, error);
  }
}

/** The folder that a file lies in. */
export function folderOf(path: string): string {
  const end = path.lastIndexOf("/");
  return end > 0 ? path.slice(0, end) : end < 0 ? "." : "/";
}

/** Where caches live. */
export function cacheDirectory(): string {
  return "cache";
}
