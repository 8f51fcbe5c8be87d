/** Files as they are, or packed with gzip. */
import { UserError } from "../core/host/errors.ts";
import { readStoredFile } from "../core/host/files.ts";
import { foreignFormat } from "../core/host/foreign_formats.ts";

/** How many bytes a file may be unpacked to, and the error where there are more. */
export interface UnpackLimit {
  readonly most: number;
  readonly fail: () => UserError;
}

/**
 * The bytes of a file, unpacked where its name ends in ".gz". A small file may hold very many: `limit` is asked as soon as
 * the first `header` of them are there, and what it says is where unpacking ends. Throws `UserError`, also what `limit`
 * throws.
 */
export async function readUnpacked(
  path: string,
  header: number,
  limit: (start: Uint8Array) => UnpackLimit,
): Promise<Uint8Array> {
  const bytes = await readStoredFile(path), format = foreignFormat(bytes), packed = path.endsWith(".gz");
  if (!packed && format !== null) throw new UserError(`Cannot read "${path}": it is ${format}`);
  if (!packed) return bytes;
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  const joined = async () => new Uint8Array(await new Blob(chunks).arrayBuffer());
  let size = 0, limited: UnpackLimit | null = null;
  try {
    for await (const chunk of new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))) {
      chunks.push(chunk);
      size += chunk.length;
      if (limited === null && size >= header) limited = limit(await joined());
      if (limited !== null && size > limited.most) throw limited.fail();
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`Cannot unpack "${path}": it is no gzip file, or a part of one; download it again`);
  }
  return await joined();
}
