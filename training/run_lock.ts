/**
 * One process at a time in the folder of a run: run.lock names the one that writes there, which touches it every few
 * seconds. A process of this machine is asked for; whether one of another machine lives, only the touching tells. The
 * lock of a dead process is taken over, so a crash never blocks a resume. Needs of a file system only that creating a
 * file fails where it exists, and that renaming replaces one at once.
 */
import { UserError } from "../core/host/errors.ts";
import { every, isRunning, pause, processId } from "../core/host/process.ts";
import {
  createFile,
  modified,
  readText,
  removeEmptyDirectory,
  removeFile,
  touch,
  writeFile,
} from "../core/host/files.ts";
import { hostName, processStart } from "../core/host/machine.ts";

export interface RunLock {
  /** Throws `FolderInUseError` where another process has taken the folder over. */
  check(): Promise<void>;
  /** Deletes the lock, and the folder if nothing else is in it. */
  release(): Promise<void>;
}

/** Another process writes into the folder. */
export class FolderInUseError extends UserError {
  override readonly name = "FolderInUseError";
}

interface Holder {
  readonly pid: number;
  readonly host: string;
  /** Of `processStart`. */
  readonly started: string | null;
  /** Date and time, for people. */
  readonly since: string;
}

/** Seconds between two touches, and without one until a process of another machine counts as dead. */
const BEAT_SECONDS = 2, WATCH_SECONDS = 15;

/** Seconds after which two processes that took over the same lock have both written. */
const SETTLE_SECONDS = 0.2;

function parseHolder(text: string): Holder | null {
  try {
    const { pid, host, started, since } = JSON.parse(text);
    const whole = Number.isSafeInteger(pid) && pid > 0 && typeof host === "string" && typeof since === "string" &&
      (started === null || typeof started === "string");
    return whole ? { pid, host, started, since } : null;
  } catch {
    return null;
  }
}

/** Is the text of a lock, or of a part of one, which a crash may leave? Anything else is somebody's file of that name. */
const isOurs = (text: string) => text.startsWith(BEGIN) || BEGIN.startsWith(text);
const BEGIN = '{"pid":';

/** Does the holder live? Null where its lock alone can tell. */
async function isAlive({ pid, host, started }: Holder): Promise<boolean | null> {
  if (host !== hostName()) return null;
  const running = isRunning(pid);
  if (running !== true || started === null) return running;
  return await processStart(pid) === started;
}

/** Watches whether the lock is touched; clocks of two machines may differ, so only that it changes counts. */
async function isTouched(path: string, seconds: number): Promise<boolean> {
  const before = await modified(path), start = performance.now();
  while (performance.now() - start < 1000 * seconds) {
    await pause(Math.min(1, seconds / 4));
    if (await modified(path) !== before) return true;
  }
  return false;
}

const read = async (path: string) => await readText(path).catch(() => null);

/**
 * Takes the lock of `folder`, which is created if missing. `report` hears that this may take seconds. Throws
 * `FolderInUseError` where another process holds it.
 */
export async function lockRun(
  folder: string,
  report: (message: string) => void,
  watchSeconds = WATCH_SECONDS,
): Promise<RunLock> {
  const path = `${folder}/run.lock`, pid = processId();
  const own = JSON.stringify({
    pid,
    host: hostName(),
    started: await processStart(pid),
    since: new Date().toISOString(),
  });
  const refusal = (text: string | null) => {
    const holder = parseHolder(text ?? "");
    const who = holder === null ? "another process" : `process ${holder.pid} on ${holder.host}, since ${holder.since},`;
    return new FolderInUseError(
      (words) =>
        `Cannot write into "${folder}": ${who} is training there; wait for it, stop it, or choose another ${words.folder}`,
    );
  };
  if (!(await createFile(path, own))) {
    const found = await read(path), holder = parseHolder(found ?? "");
    if (!isOurs(found ?? "")) {
      throw new UserError((words) =>
        `Cannot write into "${folder}": its run.lock is of something else; choose another ${words.folder}, or delete it`
      );
    }
    let alive = holder === null ? null : await isAlive(holder);
    if (alive === null) {
      report(
        `Waiting to see whether ${holder === null ? "another process" : `a process on ${holder.host}`} uses ${folder}`,
      );
      alive = await isTouched(path, watchSeconds);
    }
    if (alive) throw refusal(found);
    await writeFile(path, own);
    await pause(SETTLE_SECONDS);
    const now = await read(path);
    if (now !== own) throw refusal(now);
  }
  const stop = every(BEAT_SECONDS, () => void touch(path));
  return {
    async check() {
      const now = await read(path);
      if (now === null) await createFile(path, own); // somebody tidied up
      else if (now !== own) throw refusal(now);
    },
    async release() {
      stop();
      if (await read(path) === own) await removeFile(path);
      await removeEmptyDirectory(folder);
    },
  };
}

/** Does a process train in `folder`? Of another machine only the touching tells, by the two clocks. */
export async function isTraining(folder: string): Promise<boolean> {
  const path = `${folder}/run.lock`, text = await read(path);
  if (text === null) return false;
  const holder = parseHolder(text), alive = holder === null ? null : await isAlive(holder);
  return alive ?? Date.now() - (await modified(path) ?? 0) < 1000 * WATCH_SECONDS;
}
