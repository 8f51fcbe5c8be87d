/** Unpacks the archive of a data set: only the files that are known to be in it, whatever else it holds. */
import { createReadStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { createTarDecoder } from "modern-tar";
import { fileError, UserError } from "../core/host/errors.ts";
import { exists, makeDirectory, writeFile } from "../core/host/files.ts";
import type { Archive } from "./archive.ts";

/** Most bytes of a text file. */
const TEXT_BYTES = 1 << 16;

/**
 * Unpacks `path` into `temporary`, and renames that to `folder` once all is there.
 *
 * @throws {UserError} an entry with a path outside of the archive's folder, or that is neither file nor folder; a file
 * that is missing or has another size; a damaged archive; a full disk. Nothing is left behind.
 */
export async function unpackArchive(path: string, archive: Archive, temporary: string, folder: string): Promise<void> {
  await makeDirectory(temporary);
  try {
    const found = await unpackFiles(path, archive, temporary);
    const missing = Object.keys(archive.files).find((file) => !found.has(file));
    if (missing !== undefined) throw new UserError(`Cannot unpack "${path}": "${missing}" is not in it`);
    await rename(temporary, folder).catch(async (error: unknown) => {
      if (!await exists(folder)) throw fileError("create", folder, error); // else somebody else was faster
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** Writes the files that are asked for to `target`; returns their names. */
async function unpackFiles(path: string, archive: Archive, target: string): Promise<Set<string>> {
  const found = new Set<string>();
  // Not strict: the checksum has vouched for the bytes, and sizes are checked here.
  const source = createReadStream(path);
  const entries = (Readable.toWeb(source) as ReadableStream<Uint8Array<ArrayBuffer>>)
    .pipeThrough(new DecompressionStream("gzip"))
    .pipeThrough(createTarDecoder());
  try {
    // The cancellation that leaving this loop would wait for does not end while an entry is unread.
    for await (const { header, body } of entries.values({ preventCancel: true })) {
      const file = fileOf(path, archive, header.name, header.type ?? "file");
      const size = file === null ? undefined : archive.files[file];
      if (file === null || found.has(file) || (size === undefined && !archive.texts.includes(file))) {
        for await (const _ of body);
        continue;
      }
      const bytes = await readEntry(body, { path, file, least: size ?? 0, most: size ?? TEXT_BYTES });
      await writeFile(`${target}/${file}`, bytes);
      found.add(file);
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`Cannot unpack "${path}": ${(error as Error).message || "it is damaged"}`);
  } finally {
    source.destroy();
  }
  return found;
}

/** The name of an entry in the archive's folder, null for what is not there. Throws on what no archive should hold. */
function fileOf(path: string, { folder }: Archive, name: string, type: string): string | null {
  const parts = name.split(/[/\\]/).filter((part, index) => part !== "." && (part !== "" || index === 0));
  if (parts[0] === "" || parts.includes("..") || /^[a-z]:/i.test(name)) {
    throw new UserError(`Refused to unpack "${path}": it holds "${name}", a path outside of its folder`);
  }
  if (type !== "file" && type !== "directory") {
    throw new UserError(`Refused to unpack "${path}": it holds "${name}", a ${type}, where only files belong`);
  }
  return type === "file" && parts.length === 2 && parts[0] === folder ? parts[1]! : null;
}

/** The bytes of an entry, of which there must be from `least` to `most`. */
async function readEntry(
  body: ReadableStream<Uint8Array>,
  { path, file, least, most }: {
    readonly path: string;
    readonly file: string;
    readonly least: number;
    readonly most: number;
  },
): Promise<Uint8Array> {
  const bytes = new Uint8Array(most);
  let size = 0;
  for await (const chunk of body) {
    if (size + chunk.length > most) {
      throw new UserError(`Cannot unpack "${path}": "${file}" has more than ${most} bytes in it`);
    }
    bytes.set(chunk, size);
    size += chunk.length;
  }
  if (size < least) {
    throw new UserError(`Cannot unpack "${path}": "${file}" has ${size} bytes in it, expected ${least}`);
  }
  return bytes.subarray(0, size);
}
