/** A data set's folder, downloaded if it is not there: fetch, check, unpack, and put in place at once. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { rm, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { fileError, UserError } from "../core/host/errors.ts";
import { exists, list, makeDirectory, removeFile } from "../core/host/files.ts";
import { temporaryName, unfinishedName } from "../core/host/temporary.ts";
import type { Archive } from "./archive.ts";
import { download, DownloadError, fileBytes, type Patience } from "./download.ts";
import { withLock } from "./lock.ts";
import { unpackArchive } from "./unpack.ts";

export interface ObtainOptions {
  /** The address that the archive's file name is appended to. */
  readonly server: string;
  readonly patience?: Patience;
  /** Aborts; what was downloaded stays for the next time. */
  readonly signal: AbortSignal;
  /** The kind of work and the share of it that is done. */
  report(message: string, done: number): void;
  /** A whole line about what happens. */
  line(text: string): void;
}

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(bytes < 1e6 ? 3 : 0)} MB`;

/**
 * The folder of a data set in `parent`. Where it is missing, its archive is downloaded to a file beside it, which a
 * later call continues. Several programs may call this at once: one downloads, the others wait.
 *
 * @throws {UserError} no network, a server that refuses, a wrong checksum, a bad archive, too little space on the disk
 */
export async function obtain(archive: Archive, parent: string, options: ObtainOptions): Promise<string> {
  const folder = `${parent}/${archive.folder}`;
  if (await exists(folder)) return folder;
  const url = addressOf(archive, options.server);
  await makeDirectory(parent);
  const onWait = () => options.line(`Another allcnn is downloading ${archive.name}: waiting for it`);
  await withLock(`${parent}/${archive.file}.lock`, { signal: options.signal, onWait }, async (signal) => {
    if (await exists(folder)) return;
    await removeRemains(parent, archive);
    const part = `${parent}/${archive.file}.part`;
    await fetchChecked(archive, { url, part, folder }, { ...options, signal });
    options.report(`Unpacking ${archive.name}`, 0);
    await unpackArchive(part, archive, temporaryName(folder), folder);
    await removeFile(part);
  });
  return folder;
}

function addressOf({ file }: Archive, server: string): string {
  if (!/^https?:/.test(server) || !URL.canParse(server)) {
    throw new UserError(
      `Cannot download from "${server}": ALLCNN_MIRROR must be an address such as https://host/path/`,
    );
  }
  return new URL(file, server.endsWith("/") ? server : `${server}/`).href;
}

/** Removes what unpacking left behind where it was killed. */
async function removeRemains(parent: string, { folder }: Archive): Promise<void> {
  for (const name of await list(parent)) {
    if (unfinishedName(name) === folder) await rm(`${parent}/${name}`, { recursive: true, force: true });
  }
}

interface Places {
  readonly url: string;
  /** The file that the archive is downloaded to. */
  readonly part: string;
  /** Where the files end up. */
  readonly folder: string;
}

/** Downloads to `part` and checks the bytes. */
async function fetchChecked(archive: Archive, { url, part, folder }: Places, options: ObtainOptions): Promise<void> {
  const { name, bytes, sha256 } = archive;
  for (;;) {
    const have = await fileBytes(part);
    if (have > bytes) await removeFile(part); // not ours
    const resumed = have > 0 && have <= bytes;
    await checkSpace(archive, dirname(folder), resumed ? have : 0);
    options.line(
      `${name} is not in ${folder}: downloading it from ${url}, ${megabytes(bytes)}` +
        (resumed ? `, of which ${megabytes(have)} are there` : ""),
    );
    try {
      await download(url, part, bytes, {
        ...options,
        onBytes: (done) => options.report(`Downloading ${name}`, done / bytes),
        onLine: options.line,
      });
    } catch (error) {
      if (!(error instanceof DownloadError)) throw error;
      throw new UserError(
        ({ namingData }) =>
          `${error.message}; try again later, or unpack ${archive.file} by hand and put its files into "${folder}" or ` +
          `name their folder${namingData}`,
      );
    }
    const found = await sha256Of(part, options.signal);
    if (found === sha256) return;
    await removeFile(part);
    const wrong = `${url} has the SHA-256 ${found}, expected ${sha256}`;
    if (!resumed) throw new UserError(`Cannot use what was downloaded: ${wrong}; it was removed`);
    options.line(`${wrong}: downloading it from the start`);
  }
}

/** Throws where the disk has no room for the rest of the archive and the unpacked files together. */
async function checkSpace({ name, bytes, files }: Archive, parent: string, have: number): Promise<void> {
  const needed = bytes - have + Object.values(files).reduce((sum, size) => sum + size, 0);
  const free = await statfs(parent).then(({ bavail, bsize }) => bavail * bsize, () => Infinity);
  if (free < needed) {
    throw new UserError(
      `Cannot download ${name} to "${parent}": it takes ${megabytes(needed)} there, ${megabytes(free)} are free; ` +
        "free some, or let ALLCNN_CACHE name a folder on another disk",
    );
  }
}

/** The SHA-256 of a file, read in pieces. */
async function sha256Of(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  try {
    for await (const chunk of createReadStream(path, { signal })) hash.update(chunk);
  } catch (error) {
    signal.throwIfAborted();
    throw fileError("read", path, error);
  }
  return hash.digest("hex");
}
