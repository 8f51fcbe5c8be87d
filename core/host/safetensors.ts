/**
 * The safetensors format: 8 bytes of header length (little-endian), a JSON header of names, shapes and offsets, then
 * the data. Bytes in, bytes out. A SHA-256 under `allcnn_sha256` in the metadata makes damage visible.
 */
import { UserError } from "./errors.ts";
import { FLOAT_FORMATS, type WrittenFormat } from "./float_formats.ts";
import { foreignFormat } from "./foreign_formats.ts";

/** A tensor in main memory. */
export interface HostTensor {
  /** Its sizes, the slowest one first. */
  readonly shape: readonly number[];
  /** Its elements, row by row. */
  readonly data: Float32Array;
}

export interface TensorFile {
  readonly metadata: Readonly<Record<string, string>>;
  /** The tensors of floats. */
  readonly tensors: Readonly<Record<string, HostTensor>>;
  /** The types of all other tensors that a file held, by name. */
  readonly others?: Readonly<Record<string, string>>;
}

/** Integers and others, as a counter of batches, which no network here has for a parameter: they are passed over. */
const OTHER_SIZES: Readonly<Record<string, number>> = {
  ...{ I64: 8, U64: 8, I32: 4, U32: 4, I16: 2, U16: 2, I8: 1, U8: 1, BOOL: 1, C64: 8 },
  ...{ F8_E4M3: 1, F8_E5M2: 1, F8_E8M0: 1 },
};

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/** Longest header that safetensors allows. */
const MAX_HEADER = 100_000_000;

export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Where the checksum is kept; other tools have a `checksum` of their own. */
const CHECKSUM = "allcnn_sha256";

/**
 * What the checksum covers: what we say of the file, and every tensor, by name, whatever the order in which another tool
 * has written them down again and whatever it added to the metadata.
 */
async function checksumOf(
  metadata: Readonly<Record<string, string>>,
  entries: Readonly<Record<string, Entry>>,
  body: Uint8Array<ArrayBuffer>,
): Promise<string> {
  const lines = [metadata["allcnn"] ?? ""];
  for (const [name, { dtype, shape, data_offsets: [start, end] }] of Object.entries(entries).sort(byName)) {
    lines.push(JSON.stringify([name, dtype, shape, await sha256(body.subarray(start, end))]));
  }
  return await sha256(new TextEncoder().encode(lines.join("\n")));
}

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]) => a < b ? -1 : 1;

/** The `checksum` of files that versions before 0.2 wrote: of the header without it, and the data. */
async function formerChecksumOf(metadata: object, entries: object, body: Uint8Array<ArrayBuffer>): Promise<string> {
  const header = JSON.stringify({ __metadata__: metadata, ...entries });
  return await sha256(new TextEncoder().encode(`${header}${await sha256(body)}`));
}

/** The file's bytes, with a checksum added to the metadata; its values are float32 unless `dtype` says otherwise. */
export async function encodeTensors(
  { metadata, tensors }: TensorFile,
  dtype: WrittenFormat = "F32",
): Promise<Uint8Array<ArrayBuffer>> {
  const { size: bytesEach, write } = FLOAT_FORMATS[dtype]!;
  const entries: Record<string, Entry> = {};
  let size = 0;
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    entries[name] = { dtype, shape, data_offsets: [size, size += bytesEach * data.length] };
  }
  const body = new Uint8Array(size);
  let at = 0;
  for (const { data } of Object.values(tensors)) {
    body.set(write!(data), at);
    at += bytesEach * data.length;
  }
  const hashed = { ...metadata, [CHECKSUM]: await checksumOf(metadata, entries, body) };
  const json = new TextEncoder().encode(JSON.stringify({ __metadata__: hashed, ...entries }));
  const padded = Math.ceil(json.length / 8) * 8; // the data starts aligned
  const file = new Uint8Array(8 + padded + size).fill(0x20, 8, 8 + padded);
  new DataView(file.buffer).setBigUint64(0, BigInt(padded), true);
  file.set(json, 8);
  file.set(body, 8 + padded);
  return file;
}

/**
 * Reads float tensors of any width, as float32; tensors of other types are passed over. Throws `UserError`, naming
 * `source`, where the bytes are truncated, damaged or no safetensors.
 */
export async function decodeTensors(bytes: Uint8Array<ArrayBuffer>, source: string): Promise<TensorFile> {
  const bad = (why: string) => new UserError(`Cannot read "${source}" as safetensors: ${why}`);
  if (bytes.length < 8) throw bad(`it has ${bytes.length} bytes, a header needs at least 8`);
  const headerLength = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (headerLength > Math.min(MAX_HEADER, bytes.length - 8)) {
    const format = foreignFormat(bytes);
    throw bad(format === null ? "its header is truncated or not safetensors" : `it is ${format}`);
  }
  let header: Record<string, Entry> & { __metadata__?: Record<string, string> };
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, 8 + headerLength)));
  } catch {
    throw bad("its header is damaged");
  }
  if (typeof header !== "object" || header === null || Array.isArray(header)) throw bad("its header is no JSON object");
  const body = bytes.subarray(8 + headerLength);
  const { __metadata__: metadata = {}, ...entries } = header;
  if (
    typeof metadata !== "object" || metadata === null || Array.isArray(metadata) ||
    !Object.values(metadata).every((value) => typeof value === "string")
  ) throw bad("its metadata is damaged");
  // Collected as pairs: a name such as "__proto__" would not become a key by assignment.
  const tensors: [string, HostTensor][] = [], others: [string, string][] = [];
  let read = 0;
  for (const [name, entry] of Object.entries(entries)) {
    const { dtype, shape, data_offsets: offsets } = entry ?? {};
    if (!Array.isArray(shape) || !shape.every((size) => Number.isInteger(size) && size >= 0)) {
      throw bad(`tensor "${name}" has no valid shape`);
    }
    const format = Object.hasOwn(FLOAT_FORMATS, dtype) ? FLOAT_FORMATS[dtype] : undefined;
    const size = format?.size ?? (Object.hasOwn(OTHER_SIZES, dtype) ? OTHER_SIZES[dtype] : undefined);
    if (size === undefined) {
      const known = [...Object.keys(FLOAT_FORMATS), ...Object.keys(OTHER_SIZES)];
      throw bad(`tensor "${name}" has type ${dtype}, expected ${known.join(", ")}`);
    }
    const [start, end] = Array.isArray(offsets) ? offsets : [NaN, NaN];
    if (
      !(Number.isInteger(start) && start >= 0) ||
      end - start !== size * shape.reduce((product, size) => product * size, 1)
    ) {
      throw bad(`tensor "${name}" has offsets that do not fit its shape`);
    }
    if (end > body.length) throw bad(`it is truncated: tensor "${name}" ends at byte ${end} of ${body.length}`);
    if ((read += end - start) > body.length) throw bad(`tensor "${name}" shares bytes with others`);
    if (format === undefined) others.push([name, dtype]);
    else tensors.push([name, { shape, data: format.read(body.subarray(start, end)) }]);
  }
  const { [CHECKSUM]: expected, ...rest } = metadata, { checksum: former, ...untold } = rest;
  const found = { tensors: Object.fromEntries(tensors), others: Object.fromEntries(others) };
  const damaged = bad("it is damaged, or was changed by another tool (its checksum differs)");
  // A header that is nested deep enough overflows the stack when it is written as JSON again.
  const check = async (actual: Promise<string>, wanted: string) => {
    if (await actual.catch(() => null) !== wanted) throw damaged;
  };
  if (expected !== undefined) await check(checksumOf(rest, entries, body), expected);
  else if (former !== undefined && rest["allcnn"] !== undefined) {
    await check(formerChecksumOf(untold, entries, body), former);
    return { ...found, metadata: untold };
  }
  return { ...found, metadata: rest };
}
