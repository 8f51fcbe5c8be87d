/** Small archives, and a server on localhost that hands them out well or badly. */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { packTar } from "modern-tar";
import type { Archive } from "../../data/archive.ts";
import type { Patience } from "../../data/download.ts";

export type Entry = Parameters<typeof packTar>[0][number];

/** Bytes that do not compress, so that a cut anywhere cuts through them. */
export function noise(length: number): Uint8Array<ArrayBuffer> {
  let state = 1;
  return Uint8Array.from({ length }, () => (state = Math.imul(state, 1664525) + 1013904223) >>> 24);
}

export const TRAIN = noise(200_000), TEST = noise(50_000);

export const file = (name: string, body: Uint8Array | string): Entry => ({
  header: { name, size: body.length, type: "file" },
  body,
});

/** As the official ones: a folder with data files, a text and a readme. */
export const GOOD: readonly Entry[] = [
  { header: { name: "tiny-bin/", size: 0, type: "directory" } },
  file("tiny-bin/train.bin", TRAIN),
  file("tiny-bin/names.txt", "cat\ndog\n"),
  file("tiny-bin/readme.html", "<p>hello</p>"),
  file("./tiny-bin/test.bin", TEST),
];

export interface Packed {
  readonly archive: Archive;
  readonly bytes: Uint8Array;
}

export const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

export async function pack(entries: readonly Entry[]): Promise<Packed> {
  return described(gzipSync(await packTar(entries)));
}

export function described(bytes: Uint8Array): Packed {
  const archive = {
    name: "Tiny",
    server: "https://server/",
    file: "tiny.tar.gz",
    bytes: bytes.length,
    sha256: sha256(bytes),
    folder: "tiny-bin",
    files: { "train.bin": TRAIN.length, "test.bin": TEST.length },
    texts: ["names.txt"],
  };
  return { archive, bytes };
}

/** How to answer a request for `bytes` from `start` on, which is what a Range asked for. */
export type Answer = (response: ServerResponse, bytes: Uint8Array, start: number, request: IncomingMessage) => void;

const head = (response: ServerResponse, bytes: Uint8Array, start: number) =>
  response.writeHead(start > 0 ? 206 : 200, {
    "content-length": bytes.length - start,
    ...(start > 0 ? { "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` } : {}),
  });

export const well: Answer = (response, bytes, start) => head(response, bytes, start).end(bytes.subarray(start));
export const withoutRange: Answer = (response, bytes) => head(response, bytes, 0).end(bytes);
export const status = (code: number): Answer => (response) => response.writeHead(code).end("no");
/** Promises everything and closes the connection after `length` bytes. */
export const breakingOff = (length: number): Answer => (response, bytes, start) => {
  head(response, bytes, start).write(bytes.subarray(start, start + length));
  setTimeout(() => response.destroy(), 50);
};
/** Sends `length` bytes and then nothing, with the connection open. */
export const stalling = (length: number): Answer => (response, bytes, start) =>
  head(response, bytes, start).write(bytes.subarray(start, start + length));
export const silent: Answer = () => {};
/** Sends `length` bytes at a time, with pauses. */
export const slowly = (length: number, milliseconds: number): Answer => (response, bytes, start) => {
  head(response, bytes, start);
  let at = start;
  const timer = setInterval(() => {
    response.write(bytes.subarray(at, at + length));
    at += length;
    if (at < bytes.length) return;
    clearInterval(timer);
    response.end();
  }, milliseconds);
  response.on("close", () => clearInterval(timer));
};

export interface Server {
  readonly address: string;
  /** The Range header of each request so far, "" where it had none. */
  readonly ranges: string[];
  readonly paths: string[];
}

/** Runs `body` with a server that gives the answers one after the other; the last one stays. */
export async function serving(
  bytes: Uint8Array,
  answers: readonly Answer[],
  body: (server: Server) => Promise<void>,
): Promise<void> {
  const ranges: string[] = [], paths: string[] = [];
  const server = createServer((request, response) => {
    const range = request.headers.range ?? "";
    ranges.push(range);
    paths.push(request.url!);
    const start = Number(/^bytes=(\d+)-$/.exec(range)?.[1] ?? 0);
    answers[Math.min(ranges.length, answers.length) - 1]!(response, bytes, start, request);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/data`;
  try {
    await body({ address, ranges, paths });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** So that tests take no minutes. */
export const IMPATIENT: Patience = { stallSeconds: 1, retries: 2, backoffSeconds: 0.01 };
