/** Names of files that are being written: a pattern of their own, by which leftovers are told from others' files. */

const PATTERN = /^(.+)\.[0-9a-f]{8}\.tmp$/;

/** A name, or path, beside another for what is to replace it. */
export function temporaryName(name: string): string {
  return `${name}.${crypto.randomUUID().slice(0, 8)}.tmp`;
}

/** The name that a temporary one was made for; null for any other name. */
export function unfinishedName(name: string): string | null {
  return PATTERN.exec(name)?.[1] ?? null;
}
