/**
 * Event files of TensorBoard: records of a length, its checksum, a message of Protocol Buffers, its checksum
 * (TensorFlow's record_writer.h, event.proto, summary.proto). The messages by protobufjs, as those of ONNX.
 */
import { Root } from "protobufjs/light.js";

/** Of TensorFlow's messages, the fields that are written here. */
const EVENT = Root.fromJSON({
  nested: {
    Event: {
      fields: {
        wallTime: { type: "double", id: 1 },
        step: { type: "int64", id: 2 },
        fileVersion: { type: "string", id: 3 },
        summary: { type: "Summary", id: 5 },
        sessionLog: { type: "SessionLog", id: 7 },
      },
    },
    SessionLog: { fields: { status: { type: "int32", id: 1 } } },
    Summary: { fields: { value: { rule: "repeated", type: "Value", id: 1 } } },
    Value: { fields: { tag: { type: "string", id: 1 }, simpleValue: { type: "float", id: 2 } } },
  },
}).lookupType("Event");
/** SessionLog.status */
const START = 1;

/** CRC-32C (Castagnoli; RFC 3720, appendix B.4), byte by byte. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0x82f63b78 : rest >>> 1;
  return rest;
});

export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 255]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** As TensorFlow stores checksums, so that a checksum of what contains one stays meaningful. */
const masked = (crc: number): number => (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;

function record(event: object): Uint8Array {
  const bytes = EVENT.encode(event).finish();
  const whole = new Uint8Array(bytes.length + 16), view = new DataView(whole.buffer);
  view.setUint32(0, bytes.length, true); // of eight bytes
  view.setUint32(8, masked(crc32c(whole.subarray(0, 8))), true);
  whole.set(bytes, 12);
  view.setUint32(12 + bytes.length, masked(crc32c(bytes)), true);
  return whole;
}

/**
 * What a file starts with, of a run that goes on behind `step`, or begins with 0: TensorBoard takes the first start of a
 * run as its beginning, and forgets at each further one what it knew of its step and those after it.
 */
export function eventsStart(wallTime: number, step: number): Uint8Array[] {
  const version = record({ wallTime, fileVersion: "brain.Event:2" });
  return [version, record({ wallTime, step: step === 0 ? 0 : step + 1, sessionLog: { status: START } })];
}

/** Numbers of a step, by the names under which TensorBoard draws them. `wallTime` is in seconds. */
export function scalars(wallTime: number, step: number, values: Readonly<Record<string, number>>): Uint8Array {
  const value = Object.entries(values).map(([tag, simpleValue]) => ({ tag, simpleValue }));
  return record({ wallTime, step, summary: { value } });
}
