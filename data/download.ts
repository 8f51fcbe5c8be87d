/** Downloads one large file over HTTP into a file that every later call, also of a later start, continues. */
import { type FileHandle, open, rm, stat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { fileError, UserError } from "../core/host/errors.ts";

/** How long to put up with a bad line. */
export interface Patience {
  /** Seconds without a byte after which a connection counts as broken. */
  readonly stallSeconds: number;
  /** Failures in a row, with hardly a byte between them, before giving up. */
  readonly retries: number;
  /** Seconds before the first retry; each further one waits twice as long. */
  readonly backoffSeconds: number;
}

export const PATIENCE: Patience = { stallSeconds: 30, retries: 4, backoffSeconds: 1 };

export interface DownloadOptions {
  readonly patience?: Patience;
  readonly signal: AbortSignal;
  /** Bytes that are there. */
  onBytes(bytes: number): void;
  /** A line about a retry. */
  onLine(text: string): void;
}

/** The file cannot be had from its address, or not now. */
export class DownloadError extends UserError {}

/** New bytes that make a failure count as the first one again. */
const SOME_BYTES = 1 << 20;

/** Statuses of client errors that may pass. */
const PASSING = [408, 425, 429];

/**
 * Downloads `url` to `path`, which may hold the beginning of it, until it is `bytes` long. Whether they are the right
 * ones is for a checksum to tell.
 *
 * @throws {DownloadError} the server refuses, has a file of another length, or fails too often; what was received stays
 * in `path`
 * @throws {UserError} the file cannot be written
 * @throws the reason of `signal`, where that aborts
 */
export async function download(url: string, path: string, bytes: number, options: DownloadOptions): Promise<void> {
  const { retries, backoffSeconds } = options.patience ?? PATIENCE;
  for (let failures = 0;;) {
    const before = await fileBytes(path);
    try {
      return await transfer(url, path, bytes, options);
    } catch (error) {
      options.signal.throwIfAborted();
      if (error instanceof UserError) throw error;
      failures = await fileBytes(path) >= before + SOME_BYTES ? 1 : failures + 1;
      if (failures > retries) throw new DownloadError(`Cannot download ${url}: ${reasonOf(error)}`);
      const seconds = backoffSeconds * 2 ** (failures - 1);
      options.onLine(`The download failed, ${reasonOf(error)}: trying again in ${seconds} s`);
      await sleep(1000 * seconds, undefined, { signal: options.signal }).catch(() => options.signal.throwIfAborted());
    }
  }
}

/** The size of a file, 0 where there is none. */
export async function fileBytes(path: string): Promise<number> {
  return await stat(path).then(({ size }) => size, () => 0);
}

/** One request for what is missing. Throws anything but a `UserError` where another one may do better. */
async function transfer(
  url: string,
  path: string,
  bytes: number,
  { patience: { stallSeconds } = PATIENCE, signal, onBytes }: DownloadOptions,
): Promise<void> {
  const have = await fileBytes(path);
  if (have === bytes) return;
  const stall = new AbortController();
  const giveUp = () => stall.abort(new Error(`no byte came for ${stallSeconds} s`));
  let timer = setTimeout(giveUp, 1000 * stallSeconds);
  try {
    const response = await fetch(url, {
      headers: { "accept-encoding": "identity", ...(have > 0 ? { range: `bytes=${have}-` } : {}) },
      signal: AbortSignal.any([signal, stall.signal]),
    });
    const start = await startOf(response, url, path, { have, bytes });
    const file = await openAt(path, start);
    try {
      let position = start;
      onBytes(position);
      for await (const chunk of response.body ?? []) {
        clearTimeout(timer);
        timer = setTimeout(giveUp, 1000 * stallSeconds);
        if (position + chunk.length > bytes) throw new DownloadError(wrongLength(url, `more than ${bytes}`, bytes));
        await writeAt(file, path, chunk, position);
        position += chunk.length;
        onBytes(position);
      }
      if (position < bytes) throw new Error(`it broke off after ${position} of ${bytes} bytes`);
    } finally {
      await file.close();
    }
  } finally {
    clearTimeout(timer);
    stall.abort(); // ends the request where an error left it open
  }
}

/** Where the body of an answer begins in the file: at what is there already, or at 0. */
async function startOf(
  response: Response,
  url: string,
  path: string,
  { have, bytes }: { readonly have: number; readonly bytes: number },
): Promise<number> {
  const { status, headers } = response;
  if (status === 416) {
    await rm(path, { force: true }); // what is there is no beginning of the server's file
    throw new Error(`the server has no bytes from ${have} on`);
  }
  if (status >= 400 && status < 500 && !PASSING.includes(status)) {
    throw new DownloadError(`Cannot download ${url}: the server answers ${status} ${response.statusText}`.trimEnd());
  }
  if (status !== 200 && status !== 206) {
    throw new Error(`the server answers ${status} ${response.statusText}`.trimEnd());
  }
  if (headers.get("content-type")?.startsWith("text/html")) {
    throw new DownloadError(`Cannot download ${url}: a web page came instead, perhaps the log-in page of this network`);
  }
  const range = /^bytes (\d+)-/.exec(headers.get("content-range") ?? "");
  const start = status === 200 ? 0 : Number(range?.[1] ?? NaN);
  if (start !== 0 && start !== have) {
    await rm(path, { force: true });
    throw new Error(`the server was asked for the bytes from ${have} on and sends others`);
  }
  const length = headers.get("content-length"), encoded = headers.get("content-encoding") ?? "identity";
  if (length !== null && encoded === "identity" && start + Number(length) !== bytes) {
    throw new DownloadError(wrongLength(url, String(start + Number(length)), bytes));
  }
  return start;
}

function wrongLength(url: string, found: string, bytes: number): string {
  return `Cannot download ${url}: the server has ${found} bytes under this address, expected ${bytes}`;
}

/** Opens a file, new or not, to go on at `start`. */
async function openAt(path: string, start: number): Promise<FileHandle> {
  try {
    if (start === 0) return await open(path, "w");
    const file = await open(path, "r+");
    await file.truncate(start);
    return file;
  } catch (error) {
    throw fileError("write", path, error);
  }
}

/** Writes at a position rather than at the end: of two that download the same, both write the same. */
async function writeAt(file: FileHandle, path: string, chunk: Uint8Array, position: number): Promise<void> {
  try {
    for (let done = 0; done < chunk.length;) {
      done += (await file.write(chunk, done, chunk.length - done, position + done)).bytesWritten;
    }
  } catch (error) {
    throw fileError("write", path, error);
  }
}

/** The innermost message of a failed request: "fetch failed" alone tells nothing. */
function reasonOf(error: unknown): string {
  const { message, cause, code } = error as { message?: string; cause?: unknown; code?: string };
  return cause instanceof Error ? reasonOf(cause) : message || code || String(error);
}
