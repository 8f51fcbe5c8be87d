/** Event files, read back field by field, with the checksums of the standard. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventLog } from "../../cli/event_log.ts";
import { UserError } from "../../core/host/errors.ts";
import { crc32c, eventsStart } from "../../export/tensorboard.ts";
import { syntheticRows } from "../report/_synthetic_runs.ts";

test("checksums are those of RFC 3720, and a file begins as every one of TensorBoard does", () => {
  assert.is(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
  assert.is(crc32c(new Uint8Array(32)), 0x8a9136aa);
  const [first] = eventsStart(1.5, 0);
  assert.equal([...first!.subarray(0, 12)], [24, 0, 0, 0, 0, 0, 0, 0, 0xa3, 0x7f, 0x4b, 0x22]);
  assert.is(new TextDecoder().decode(first!.subarray(23, 36)), "brain.Event:2");
});

/** The records of a file: step, and the values by their names. */
function eventsOf(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset),
    events: { step: number; values: [string, number][] }[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 12 + view.getUint32(at, true), event = { step: 0, values: [] as [string, number][] };
    const fields = (from: number, to: number, found: (number: number, at: number, length: number) => void) => {
      for (let at = from; at < to;) {
        const key = bytes[at++]!, type = key & 7;
        let length = type === 1 ? 8 : type === 5 ? 4 : 0;
        if (type === 0) { while (bytes[at + length++]! > 127); }
        if (type === 2) length = bytes[at++]!; // all here are shorter than 128 bytes, but summaries
        if (type === 2 && length > 127) length = length - 128 + 128 * bytes[at++]!;
        found(key >> 3, at, length);
        at += length;
      }
    };
    fields(at + 12, end, (number, at, length) => {
      if (number === 2) {
        for (let i = length - 1; i >= 0; i--) event.step = 128 * event.step + (bytes[at + i]! & 127);
      }
      if (number === 5) {
        fields(at, at + length, (_, at, length) => {
          let tag = "";
          fields(at, at + length, (number, at, length) => {
            if (number === 1) tag = new TextDecoder().decode(bytes.subarray(at, at + length));
            else event.values.push([tag, view.getFloat32(at, true)]);
          });
        });
      }
    });
    events.push(event);
    at = end + 4;
  }
  return events;
}

test("a log has each row once, and says where a run goes on", async () => {
  const folder = mkdtempSync(join(tmpdir(), "events-"));
  try {
    const steps = [100, 300].map((step) => ({ step, loss: step / 64, error: 50 })), [epoch] = syntheticRows(1, 12.5);
    const log = eventLog(`${folder}/run`, 0, () => 1000);
    await log(steps.slice(0, 1), []);
    await log(steps, []);
    await log(steps, [epoch!]);
    await log(steps, [epoch!]);
    await log(steps, [{ ...epoch!, epoch: epoch!.epoch - 1 }]); // of an epoch that comes again after a lost device
    const [name, ...others] = readdirSync(`${folder}/run`);
    assert.equal([name, others.length], ["events.out.tfevents.0000001000.allcnn", 0]);
    const events = eventsOf(readFileSync(`${folder}/run/${name}`));
    assert.equal(events.map(({ step }) => step), [0, 0, 100, 300, 300]);
    assert.equal(events[3]!.values, [["loss/train", 300 / 64], ["error/train", 50]]);
    assert.ok(events[4]!.values.some(([tag, value]) => tag === "error/test" && value === 12.5));

    await eventLog(`${folder}/run`, 200, () => 2000)(steps, []);
    const resumed = eventsOf(readFileSync(`${folder}/run/events.out.tfevents.0000002000.allcnn`));
    assert.equal(resumed.map(({ step }) => step), [0, 201, 300]);

    writeFileSync(`${folder}/file`, "");
    const error = await eventLog(`${folder}/file`, 0)(steps, []).catch((error: unknown) => error);
    assert.instance(error, UserError);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
