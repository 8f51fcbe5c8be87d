/** Requests to the server as they are written, which `fetch` would tidy up, and what it answers. */
import * as assert from "uvu/assert";
import { request } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import type { LiveInfo, ProgressLine } from "../../serve/protocol.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly text: string;
}

/** A request as it is written, which `fetch` would tidy up. */
export function ask(
  port: number,
  path: string,
  { method = "GET", headers = {}, body }: {
    method?: string;
    headers?: Record<string, string>;
    body?: Uint8Array;
  } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port, path, method, headers, agent: false }, (response) => {
      const chunks: Uint8Array[] = [];
      response.on("data", (chunk: Uint8Array) => chunks.push(chunk));
      response.on("end", () => {
        const bytes = Uint8Array.from(Buffer.concat(chunks)), text = new TextDecoder().decode(bytes);
        resolve({ status: response.statusCode!, headers: response.headers, bytes, text });
      });
      response.on("error", reject);
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

export const jsonOf = async <T>(port: number, path: string, options: Parameters<typeof ask>[2] = {}): Promise<T> => {
  const { status, text } = await ask(port, path, options);
  assert.is(status, 200, text);
  return JSON.parse(text);
};

/** What is live once nothing is loaded. */
export const settled = async (port: number): Promise<LiveInfo> => {
  for (;;) {
    const live = await jsonOf<LiveInfo>(port, "/api/live");
    if (live.loading === null) return live;
    await pause(20);
  }
};

/** The last line of an answer that takes long. */
export const resultOf = async <T>(port: number, path: string, body?: Uint8Array): Promise<T> => {
  const { text } = await ask(port, path, { method: "POST", ...body === undefined ? {} : { body } }),
    lines = text.trim().split("\n");
  const last = JSON.parse(lines.at(-1)!) as ProgressLine<T>;
  if (!("result" in last)) throw new Error(text);
  return last.result;
};
