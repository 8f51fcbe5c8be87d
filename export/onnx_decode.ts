/**
 * Reads ONNX's messages out of bytes that nobody vouches for: every length is checked before anything is allocated, and
 * the number of fields is bounded, so a file can take little more memory than it has bytes.
 */
import { UserError } from "../core/host/errors.ts";
import { type Field, fieldOf, type MessageName, MESSAGES, type Model } from "./onnx_messages.ts";

/** Far more than networks have, whose weights are one field each; numbers of lists that are not packed count too. */
const MOST_FIELDS = 2_000_000;
/** Of one list: weights that are not stored as bytes. */
const MOST_NUMBERS = 100_000_000;

const NUMBERS = new Set(["int32", "int64", "float", "double"]);

type Message = Record<string, unknown>;

/** Fields of a message by their number. */
const FIELDS = Object.fromEntries(
  Object.entries(MESSAGES).map(([message, fields]) => [
    message,
    new Map(
      Object.entries(fields as Readonly<Record<string, string>>).map(([name, text]) => {
        const field = fieldOf(text);
        return [field.id, { name, ...field }];
      }),
    ),
  ]),
) as unknown as Readonly<Record<MessageName, ReadonlyMap<number, Field & { readonly name: string }>>>;

/** What is no file of ONNX. */
class Damaged extends Error {}

const VARINT = 0, EIGHT = 1, LENGTH = 2, FOUR = 5;
const text = new TextDecoder();

/** A place in the bytes. */
interface Cursor {
  readonly view: DataView;
  at: number;
  readonly end: number;
}

const bytesOf = ({ view }: Cursor, at: number, length: number) =>
  new Uint8Array(view.buffer, view.byteOffset + at, length);

function varint(cursor: Cursor): bigint {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    if (cursor.at >= cursor.end) throw new Damaged("it ends too early");
    const byte = cursor.view.getUint8(cursor.at++);
    value |= BigInt(byte & 127) << shift;
    if (byte < 128) return value;
  }
  throw new Damaged("it holds a number that is too long");
}

/** The start of so many bytes, which the cursor skips. */
function take(cursor: Cursor, length: bigint | number): number {
  if (length > cursor.end - cursor.at) throw new Damaged("it ends too early");
  const at = cursor.at;
  cursor.at += Number(length);
  return at;
}

/** A number of a list or a field by its type: as it lies in the bytes. */
function number(cursor: Cursor, type: string): number {
  if (type === "float") return cursor.view.getFloat32(take(cursor, 4), true);
  if (type === "double") return cursor.view.getFloat64(take(cursor, 8), true);
  return Number(BigInt.asIntN(64, varint(cursor)));
}

function decode(message: MessageName, cursor: Cursor, count: { fields: number }): Message {
  const fields = FIELDS[message], result: Message = {};
  for (const { name, type, repeated } of fields.values()) {
    if (repeated) result[name] = [];
    else if (type === "string") result[name] = "";
  }
  while (cursor.at < cursor.end) {
    if (++count.fields > MOST_FIELDS) throw new Damaged("it has too many fields");
    const tag = Number(varint(cursor) & 0xffffffffn), wire = tag & 7, field = fields.get(tag >>> 3);
    if (wire === LENGTH) {
      const length = Number(varint(cursor)), at = take(cursor, length), inner = { ...cursor, at, end: at + length };
      if (field === undefined) continue;
      if (NUMBERS.has(field.type)) {
        if (!field.repeated) throw new Damaged("its fields are garbled");
        packed(inner, field.type, result[field.name] as number[]);
        continue;
      }
      const part = () => bytesOf(cursor, at, length);
      const value = field.type === "string"
        ? text.decode(part())
        : field.type === "bytes"
        ? part()
        : decode(field.type as MessageName, inner, count);
      if (field.repeated) (result[field.name] as unknown[]).push(value);
      else result[field.name] = value;
      continue;
    }
    if (![VARINT, EIGHT, FOUR].includes(wire)) throw new Damaged("its fields are garbled");
    const type = wire === VARINT ? "int64" : wire === FOUR ? "float" : "double", value = number(cursor, type);
    if (field === undefined || !NUMBERS.has(field.type)) continue;
    if (field.repeated) (result[field.name] as number[]).push(value);
    else result[field.name] = value;
  }
  return result;
}

/** A list of numbers in a row, behind those that came before it. */
function packed(cursor: Cursor, type: string, values: number[]): void {
  while (cursor.at < cursor.end) {
    if (values.length >= MOST_NUMBERS) throw new Damaged("a list in it is too long");
    values.push(number(cursor, type));
  }
}

/** The model in the bytes of an ONNX file. Throws `UserError`, naming `source`, where they are none or damaged. */
export function decodeModel(bytes: Uint8Array, source: string): Model {
  try {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const model = decode("Model", { view, at: 0, end: bytes.length }, { fields: 0 });
    const graph = model["graph"] as { node: unknown[] } | undefined;
    if (graph === undefined || graph.node.length === 0) throw new Damaged("it has no graph");
    return model as unknown as Model;
  } catch (error) {
    if (!(error instanceof Damaged)) throw error;
    throw new UserError(`Cannot read "${source}": it is no ONNX file, or damaged: ${error.message}`);
  }
}
