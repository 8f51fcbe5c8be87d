/** Answers that take long: lines that tell how far the work is, and at the end what came out. */
import { oneLine, UserError } from "../core/errors.ts";
import type { Report } from "../training/preprocess.ts";
import type { Told } from "./protocol.ts";

/** What the page says of an error. */
export function errorLine(error: unknown): string {
  const { message } = error instanceof Error ? error : new Error(String(error));
  return error instanceof UserError ? message : `internal error: ${oneLine(message)}`;
}

/** Does `work`; a line of JSON for what it reports, as fast as the reader takes it, and one for its result or error. */
export async function* told<T>(work: (report: Report) => Promise<T>): AsyncGenerator<string> {
  const lines: { latest: Told<T> | null; last: Told<T> | null } = { latest: null, last: null };
  let wake = () => {};
  const say = (change: Partial<typeof lines>) => {
    Object.assign(lines, change);
    wake();
  };
  work((doing, done) => say({ latest: { doing, done } }))
    .then((result) => say({ last: { result } }), (error) => say({ last: { error: errorLine(error) } }));
  while (lines.last === null) {
    const latest = lines.latest;
    lines.latest = null;
    if (latest !== null) yield `${JSON.stringify(latest)}\n`;
    else await new Promise<void>((resolve) => wake = resolve);
  }
  yield `${JSON.stringify(lines.last)}\n`;
}
