/** The door to the network: Node's HTTP server, which Deno has too, on this machine's own address alone. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { oneLine, UserError } from "../core/host/errors.ts";
import { HEADERS, refusal } from "./guard.ts";
import type { Reply, Routes } from "./route.ts";

export interface Listening {
  readonly url: string;
  readonly port: number;
  /** Ends all connections. */
  close(): Promise<void>;
}

const HOST = "127.0.0.1";

/** How long a request that was refused may go on. */
const LINGER_SECONDS = 1;

/** A request that gets an error instead of an answer. */
class Refused extends Error {
  constructor(readonly status: number, message: string) {
    super(message);
  }
}

/** Serves `routes`; port 0 takes a free one. `warn` hears of failures that are no user's. Throws `UserError`. */
export async function listen(routes: Routes, port: number, warn: (message: string) => void): Promise<Listening> {
  const server = createServer((request, response) => {
    const { port } = server.address() as AddressInfo;
    answer(request, response, routes, port).catch((error) => {
      const known = error instanceof Refused || error instanceof UserError;
      const message = known ? error.message : `internal error: ${oneLine(String((error as Error).message))}`;
      if (!known) warn(message);
      fail(request, response, error instanceof Refused ? error.status : known ? 422 : 500, message);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: Error & { code?: string }) => reject(portError(port, error)));
    server.listen(port, HOST, () => resolve());
  });
  const taken = (server.address() as AddressInfo).port;
  return {
    port: taken,
    url: `http://${HOST}:${taken}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function portError(port: number, { code, message }: Error & { code?: string }): UserError {
  const other = "choose another with --port N, or --port 0 for any free one";
  if (code === "EADDRINUSE") return new UserError(`Cannot serve on port ${port}: another program uses it; ${other}`);
  if (code === "EACCES") return new UserError(`Cannot serve on port ${port}: permission denied; ${other}`);
  return new UserError(`Cannot serve on port ${port}: ${message}`);
}

async function answer(request: IncomingMessage, response: ServerResponse, routes: Routes, port: number) {
  const method = request.method ?? "", [path = "", query = ""] = (request.url ?? "").split(/\?(.*)/s);
  const header = (name: string) => {
    const value = request.headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  };
  const refused = refusal({ method, path, header }, port);
  if (refused !== null) throw new Refused(refused.status, refused.message);
  const route = routes.get(path);
  if (route === undefined) throw new Refused(404, "There is nothing at this path");
  if (method !== route.method && !(method === "HEAD" && route.method === "GET")) {
    response.setHeader("allow", route.method === "GET" ? "GET, HEAD" : "POST");
    throw new Refused(405, `This path answers ${route.method} only`);
  }
  const body = await readBody(request, route.bytes);
  const left = new AbortController();
  response.once("close", () => left.abort());
  const question = { query: new URLSearchParams(query), body, gone: left.signal };
  await send(response, await route.answer(question), method === "HEAD");
}

async function readBody(request: IncomingMessage, most: number): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = () => new Refused(413, `The request is too large: at most ${most} bytes are read`);
  if (Number(request.headers["content-length"] ?? 0) > most) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Not destroyed where the loop is left: the answer is still to be sent.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > most) throw tooLarge();
    chunks.push(chunk);
  }
  const body = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.length;
  }
  return body;
}

async function send(response: ServerResponse, { type, body }: Reply, headOnly: boolean): Promise<void> {
  response.writeHead(200, { ...HEADERS, "content-type": type });
  if (headOnly || typeof body === "string" || body instanceof Uint8Array) {
    response.end(headOnly ? undefined : body);
    return;
  }
  for await (const text of body) {
    if (response.destroyed) return; // the page was closed
    response.write(text);
  }
  response.end();
}

function fail(request: IncomingMessage, response: ServerResponse, status: number, message: string): void {
  if (response.headersSent) return void response.destroy();
  const body = new TextEncoder().encode(JSON.stringify({ error: message }));
  const headers = { "content-type": "application/json", "content-length": body.length, connection: "close" };
  response.writeHead(status, { ...HEADERS, ...headers });
  response.write(body);
  // What is left of the request is of no use, so the connection cannot go on. It is taken in for a moment: a client that
  // is cut off while it sends would not see the answer.
  const end = () => {
    clearTimeout(timer);
    response.end(() => request.destroy());
  };
  const timer = setTimeout(end, 1000 * LINGER_SECONDS).unref();
  if (request.complete) end();
  else request.once("end", end).resume();
}
