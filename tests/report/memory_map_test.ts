import { test } from "uvu";
import * as assert from "uvu/assert";
import { memoryMap } from "../../report/memory_map.ts";

const tenant = (name: string, first: number, last: number, scratch = false) => ({
  name,
  bytes: 4,
  first,
  last,
  scratch,
});

test("a row shows who lives in a slot, and nobody where it is free", () => {
  const text = memoryMap({
    ops: 6,
    slots: [{ bytes: 2048, tensors: [tenant("x", 0, 1), tenant("s", 2, 2, true), tenant("y", 4, 6)] }],
    persistent: [{ name: "params/0", bytes: 3 * 2 ** 20 }],
  });
  assert.match(text, /^ +0 +2\.0 KiB +aa\+\.bb +a x, b y$/m);
  assert.match(text, /^1 slots of 2\.0 KiB together hold 3 tensors of 12 bytes/);
  assert.match(text, /^ +params\/0 +3\.0 MiB$/m);
});

test("a long program has several operations in a column, none left out", () => {
  const ops = 1000, tensors = Array.from({ length: ops / 2 }, (_, i) => tenant(`t${i}`, 2 * i, 2 * i));
  const text = memoryMap({ ops, slots: [{ bytes: 4, tensors }], persistent: [] });
  const [, drawing] = text.match(/^ +0 +4 bytes +(\S+) /m)!;
  assert.is(drawing!.length, 64);
  assert.not.match(drawing!, /\./);
  assert.match(text, /some in one column/);
});

test("a program without tensors of its own", () => {
  assert.match(
    memoryMap({ ops: 1, slots: [], persistent: [{ name: "step", bytes: 16 }] }),
    /no other memory[^]*16 bytes/,
  );
});

test.run();
