/** Answers that take long: lines that tell how far the work is, and at the end what came out. */
import { oneLine, UserError } from "../core/host/errors.ts";
import type { Report } from "../training/preprocess.ts";
import type { ProgressLine } from "./protocol.ts";

/** What the page says of an error. */
export function errorLine(error: unknown): string {
  const { message } = error instanceof Error ? error : new Error(String(error));
  return error instanceof UserError ? message : `internal error: ${oneLine(message)}`;
}

/** Work that takes long; what it comes to is not wanted any more once the signal is aborted. */
export type Work<T> = (report: Report, signal: AbortSignal) => Promise<T>;

/**
 * Does `work`; a line of JSON for what it reports, as fast as the reader takes it, and one for its result or error. Ends
 * early, and tells the work so, once the reader has `gone`.
 */
export async function* progressLines<T>(work: Work<T>, gone: AbortSignal): AsyncGenerator<string> {
  const lines: { latest: ProgressLine<T> | null; last: ProgressLine<T> | null } = { latest: null, last: null };
  let wake = () => {};
  const say = (change: Partial<typeof lines>) => {
    Object.assign(lines, change);
    wake();
  };
  const ended = new AbortController(), signal = AbortSignal.any([gone, ended.signal]);
  signal.addEventListener("abort", () => wake());
  work((doing, done) => say({ latest: { doing, done } }), signal)
    .then((result) => say({ last: { result } }), (error) => say({ last: { error: errorLine(error) } }));
  try {
    while (lines.last === null && !signal.aborted) {
      const latest = lines.latest;
      lines.latest = null;
      if (latest !== null) yield `${JSON.stringify(latest)}\n`;
      else await new Promise<void>((resolve) => wake = resolve);
    }
    if (lines.last !== null) yield `${JSON.stringify(lines.last)}\n`;
  } finally {
    ended.abort();
  }
}
