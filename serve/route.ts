/** A fixed table of paths: nothing of a request's path ever names a file. */
import { UserError } from "../core/host/errors.ts";

/** What a route gets to see of a request. */
export interface Question {
  readonly query: URLSearchParams;
  readonly body: Uint8Array<ArrayBuffer>;
  /** Aborted once nobody reads the answer any more. */
  readonly gone: AbortSignal;
}

/** What is asked for without a page. */
export const noQuestion = (): Question => ({
  query: new URLSearchParams(),
  body: new Uint8Array(),
  gone: new AbortController().signal,
});

export interface Reply {
  readonly type: string;
  /** A text that is sent as it comes, where it takes long. */
  readonly body: Uint8Array<ArrayBuffer> | string | AsyncIterable<string>;
}

export interface Route {
  readonly method: "GET" | "POST";
  /** Most bytes of a body. */
  readonly bytes: number;
  /** Throws `UserError` with what the page shows. */
  answer(question: Question): Promise<Reply>;
}

/** By path, as it is written in a request. */
export type Routes = ReadonlyMap<string, Route>;

export const json = (value: unknown): Reply => ({ type: "application/json", body: JSON.stringify(value) });

/** The text of a parameter. Throws `UserError` where it is missing. */
export function parameter(query: URLSearchParams, name: string): string {
  const value = query.get(name);
  if (value === null) throw new UserError(`The request has no "${name}"`);
  return value;
}

/** A whole number, from 0. Throws `UserError` on anything else. */
export function whole(text: string, name: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new UserError(`Cannot use ${name} "${text}": expected a whole number`);
  return Number(text);
}
