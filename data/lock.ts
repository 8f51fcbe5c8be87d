/** A lock between programs: a file that its holder touches every second, so that a dead holder's is taken over. */
import { randomUUID } from "node:crypto";
import { readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { fileError } from "../core/host/errors.ts";

const BEAT_MS = 1000;
/** A lock that is not touched for this long is nobody's. Seen by the waiting side alone, so clocks need not agree. */
const STALE_MS = 5 * BEAT_MS;
/** Of several that take over at the same moment, the last one's mark stays; after this, all see whose it is. */
const SETTLE_MS = 200;

export interface LockOptions {
  readonly signal: AbortSignal;
  /** Somebody else holds the lock, and is alive. */
  onWait(): void;
}

/**
 * Runs `body` while this program holds the lock `path`. A program that is halted for long loses it to another one: the
 * signal that `body` gets then aborts, as it does where `signal` does, and `body` runs once more after the other.
 */
export async function withLock<T>(
  path: string,
  { signal, onWait }: LockOptions,
  body: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  for (;;) {
    const mark = randomUUID(), lost = new AbortController();
    await acquire(path, mark, signal, onWait);
    const beat = setInterval(async () => {
      if (await markOf(path) === mark) await utimes(path, new Date(), new Date()).catch(() => {});
      else lost.abort(new Error("another program took the lock"));
    }, BEAT_MS);
    try {
      return await body(AbortSignal.any([signal, lost.signal]));
    } catch (error) {
      if (signal.aborted || await markOf(path) === mark) throw error;
    } finally {
      clearInterval(beat);
      if (await markOf(path) === mark) await rm(path, { force: true });
    }
  }
}

async function markOf(path: string): Promise<string | null> {
  return await readFile(path, "utf8").catch(() => null);
}

async function acquire(path: string, mark: string, signal: AbortSignal, onWait: () => void): Promise<void> {
  let seen = "", since = 0, told = false;
  for (;;) {
    try {
      return await writeFile(path, mark, { flag: "wx" });
    } catch (error) {
      if ((error as { code?: string }).code !== "EEXIST") throw fileError("create", path, error);
    }
    const state = `${await markOf(path)} ${await stat(path).then(({ mtimeMs }) => mtimeMs, () => "gone")}`;
    if (state !== seen) {
      if (seen !== "" && !told) onWait();
      told ||= seen !== "";
      [seen, since] = [state, performance.now()];
    } else if (performance.now() - since > STALE_MS) {
      await takeOver(path, mark);
      await sleep(SETTLE_MS);
      if (await markOf(path) === mark) return;
    }
    await sleep(BEAT_MS / 4, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

async function takeOver(path: string, mark: string): Promise<void> {
  try {
    await writeFile(`${path}.${mark}`, mark);
    await rename(`${path}.${mark}`, path);
  } catch (error) {
    throw fileError("create", path, error);
  }
}
