/** Longest message: a name out of a damaged file may be as long as the file. */
const MAX_MESSAGE = 1000;

/** Line ends and other control characters, which names out of files may hold, would garble a terminal. */
// deno-lint-ignore no-control-regex
const CONTROL = /[\x00-\x1f\x7f-\x9f\u2028\u2029]+/g;

/** A text out of a file or another program as one line of bounded length. */
export function oneLine(text: string): string {
  const line = text.replace(CONTROL, " ");
  return line.length <= MAX_MESSAGE ? line : `${line.slice(0, MAX_MESSAGE)} ...`;
}

/** What a user can change, in the words of whoever tells them of it: the library has its own, a program its options. */
export interface Words {
  /** A value of a config that was given beside its file, as "training.batch=64". */
  setting(text: string): string;
  /** Fewer examples at once. */
  readonly smallerBatch: string;
  /** Another learning rate, in the schedule's `base`. */
  learningRate(base: number): string;
  /** Training without half precision. */
  readonly float32: string;
  /** Behind "name the folder": how to name that of a data set. */
  readonly namingData: string;
  /** Behind "name one": how to name the config of a network. */
  readonly namingConfig: string;
  /** Behind "another": the folder of a run. */
  readonly folder: string;
  /** Behind "go on with": the run in a folder. */
  run(folder: string): string;
  /** How a run goes on with other kernels than it was begun with. */
  readonly otherKernels: string;
  /** What a device was opened with. */
  readonly deviceOptions: string;
}

const WORDS: Words = {
  setting: (text) => `setting ${text}`,
  smallerBatch: "a smaller batch",
  learningRate: (base) => `a base of ${base}`,
  float32: "float32",
  namingData: "",
  namingConfig: "",
  folder: "folder",
  run: (folder) => `the run in ${folder}`,
  otherKernels: "other tunings go on with another rounding",
  deviceOptions: "exact, safe or matrix",
};

/** A message: the same in any words, or made of them. */
export type Told = string | ((words: Words) => string);

const tell = (told: Told, words: Words) => oneLine(typeof told === "string" ? told : told(words));

/**
 * An error that the user can act on: bad input, a missing file, a device that cannot do the work. Its message is one
 * line that names what, where and what to do; the commands print it without a stack trace.
 *
 * @example
 * ```ts
 * try {
 *   conv("conv1", { channels: 0, kernel: 3 });
 * } catch (error) {
 *   if (!(error instanceof UserError)) throw error; // a bug, not a wrong input
 *   console.log(error.message); // Cannot build conv "conv1": channels: too small: expected number to be >=1, got 0
 * }
 * ```
 */
export class UserError extends Error {
  /** The name of the class. */
  override readonly name: string = "UserError";

  readonly #told: Told;

  /** `message` becomes one line: control characters are blanks, and the end is cut where it is too long. */
  constructor(message: Told) {
    super(tell(message, WORDS));
    this.#told = message;
  }

  /** The message in other words than the library's. */
  inWords(words: Words): string {
    return tell(this.#told, words);
  }
}

/** The device went away: the driver was reset, updated, or the hardware unplugged. What was on it is gone. */
export class DeviceLostError extends UserError {
  /** The name of the class. */
  override readonly name = "DeviceLostError";
}

/** The loss is no number any more. */
export class DivergedError extends UserError {
  /** The name of the class. */
  override readonly name = "DivergedError";

  /** `what` happened, and what to do. */
  constructor(readonly what: string, advice: Told) {
    super((words) => `${what}: ${tell(advice, words)}`);
  }
}

/** A program needs more memory, or larger bindings, than there are: a smaller batch may fit. */
export class TooLargeError extends UserError {
  /** The name of the class. */
  override readonly name = "TooLargeError";
}

const REASONS: Record<string, string> = {
  ENOENT: "it does not exist",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EEXIST: "a file of this name is in the way",
  EISDIR: "it is a folder",
  ENOTDIR: "a part of the path is not a folder",
  ENOSPC: "no space left on the disk, free some and try again",
  EROFS: "the file system is read-only",
  EDQUOT: "the disk quota is used up",
  EFBIG: "the file would be larger than the limit for files (ulimit -f) allows",
  ENAMETOOLONG: "the name is too long",
  ELOOP: "it is a link that leads to itself",
  ENXIO: "nobody reads from it",
  ESPECIAL: "it is no file, but a pipe, a socket or a device",
  EPIPE: "nobody reads from it any more",
};

/** A failed file operation; `code` is that of the system, as ENOENT. */
export class FileError extends UserError {
  /** The name of the class. */
  override readonly name = "FileError";

  /** `code` is the system's, as "ENOENT"; "" where there is none. */
  constructor(message: string, readonly code: string) {
    super(message);
  }
}

/** What a user is told of a failed file operation; `action` as in "Cannot <action> <path>". */
export function fileError(action: string, path: string, error: unknown): FileError {
  const code = (error as { code?: string }).code ?? "";
  return new FileError(`Cannot ${action} "${path}": ${REASONS[code] ?? (error as Error).message}`, code);
}

/** The first line of what an error says. */
export function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error).split("\n")[0]!;
}
