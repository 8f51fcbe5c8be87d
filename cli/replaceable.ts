/** Outputs replace what the same command wrote before, and nothing else: a slip of the fingers names one's own file. */
import { UserError } from "../core/host/errors.ts";
import { placeOf, readStart } from "../core/host/files.ts";

/** What a command writes, in words, and how it begins. */
export interface Output {
  readonly what: string;
  readonly starts: RegExp;
}

export const PICTURE: Output = { what: "picture as PNG", starts: /^.PNG\r\n/ };
export const PAGE: Output = { what: "page", starts: /^\s*<!doctype html>/i };
export const JSON_OBJECT: Output = { what: "JSON", starts: /^\s*\{\s*"/ };

/** Bytes by which each of them is known. */
const ENOUGH = 64;

/** Throws `UserError` where `path`, unless it is null, is a file that is not empty and no such output. */
export async function refuseOther(path: string | null, { what, starts }: Output): Promise<void> {
  const bytes = path === null ? null : await readStart(path, ENOUGH);
  if (bytes === null || bytes.length === 0) return;
  if (starts.test(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))) return;
  throw new UserError(
    `Cannot write "${path}": the file there is no ${what} of this command; choose another name, or delete it`,
  );
}

/** Throws `UserError` where two of the paths that are not null lead to one file. */
export async function refuseTwice(paths: readonly (string | null)[]): Promise<void> {
  const named = paths.filter((path) => path !== null), places = await Promise.all(named.map(placeOf));
  const twice = named.find((_, index) => places.indexOf(places[index]!) < index);
  if (twice !== undefined) throw new UserError(`Cannot write twice to "${twice}": choose another name for one`);
}
