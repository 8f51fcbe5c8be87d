/** Requests to the server that the page came from. */
import type { ProgressLine } from "../serve/protocol.ts";

/** The server cannot be reached: it was ended, or the machine sleeps. */
export class LostError extends Error {
  override readonly name = "LostError";
}

/** `path` is relative, so that the page may lie in any folder of a site. */
async function request(path: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(path, init).catch((error) => {
    if (init.signal?.aborted) throw error;
    throw new LostError("The server does not answer: start it again with allcnn serve");
  });
  if (response.ok) return response;
  const { error } = await response.json().catch(() => ({})) as { error?: string };
  throw new Error(error ?? `The server answered with ${response.status}`);
}

const withQuery = (path: string, query: Readonly<Record<string, string>>) => `${path}?${new URLSearchParams(query)}`;

export async function getJson<T>(path: string): Promise<T> {
  return await (await request(path)).json() as T;
}

export async function getBytes(path: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await (await request(path)).arrayBuffer());
}

export async function postJson<T>(
  path: string,
  query: Readonly<Record<string, string>>,
  body: Blob | Uint8Array<ArrayBuffer>,
): Promise<T> {
  return await (await request(withQuery(path, query), { method: "POST", body })).json() as T;
}

/** The result of work that takes long; `report` hears how far it is. */
export async function postLong<T>(
  path: string,
  query: Readonly<Record<string, string>>,
  report: (doing: string, done: number) => void,
  signal: AbortSignal,
  given: Uint8Array<ArrayBuffer> | null = null,
): Promise<T> {
  const { body } = await request(withQuery(path, query), { method: "POST", signal, body: given });
  const reader = body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read().catch((error) => {
      if (signal.aborted) throw error;
      throw new LostError("The connection to the server broke off: start it again with allcnn serve");
    });
    const lines = (text + (value ?? "")).split("\n");
    text = lines.pop()!;
    for (const line of lines) {
      const said = JSON.parse(line) as ProgressLine<T>;
      if ("result" in said) return said.result;
      if ("error" in said) throw new Error(said.error);
      report(said.doing, said.done);
    }
    if (done) throw new LostError("The connection to the server broke off: start it again with allcnn serve");
  }
}
