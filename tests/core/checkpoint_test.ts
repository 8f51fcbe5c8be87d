import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Checkpoint, decode, encode, select } from "../../training/checkpoint.ts";
import { UserError } from "../../core/host/errors.ts";
import type { ParamSpecs } from "../../core/graph/layer.ts";
import { encodeTensors } from "../../core/host/safetensors.ts";

const CHECKPOINT: Checkpoint = {
  config: { name: "tiny", network: ["globalAveragePool"], training: { learningRate: { base: 0.05 } } },
  progress: { step: 391, epoch: 1, seed: 0xffffffff, metrics: [1.25, 3, 128, 0], epochSeconds: 0.1 },
  microBatch: 32,
  tunings: { "conv1/forward": { family: "direct", tile: [4, 8] }, "conv1/dw": {} },
  scope: '{"vendor":"a \\"quoted\\" name"}',
  shaders: "1f2e3d4c",
  whitening: "ab".repeat(32),
  tensors: {
    "conv1/w": { shape: [1, 1, 2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
    "conv1/b": { shape: [3], data: Float32Array.of(7, 8, 9) },
    "velocity/conv1/w": { shape: [1, 1, 2, 3], data: Float32Array.of(-1, -2, -3, -4, -5, -6) },
    "velocity/conv1/b": { shape: [3], data: Float32Array.of(-7, -8, -9) },
  },
};
const SPECS: ParamSpecs = {
  "conv1/w": { shape: [1, 1, 2, 3], init: { fanIn: 2, fanOut: 1 } },
  "conv1/b": { shape: [3], init: { constant: 0 } },
};

test("decoding an encoded checkpoint gives back everything an exact resume needs", async () => {
  assert.equal(await decode(await encode(CHECKPOINT), "x"), CHECKPOINT);
});

test("the loss scale of mixed precision comes back; a damaged one is refused", async () => {
  const lossScale = { scale: 32768, good: 7, skipped: 2 }, progress = { ...CHECKPOINT.progress!, lossScale };
  assert.equal(await decode(await encode({ ...CHECKPOINT, progress }), "x"), { ...CHECKPOINT, progress });
  for (
    const wrong of [null, {}, { ...lossScale, scale: 0 }, { ...lossScale, good: -1 }, { ...lossScale, skipped: "2" }]
  ) {
    const damaged = { ...progress, lossScale: wrong as typeof lossScale };
    const error = await decode(await encode({ ...CHECKPOINT, progress: damaged }), "runs/a/latest").catch((
      e: unknown,
    ) => e);
    assert.instance(error, UserError);
    assert.is((error as UserError).message, 'Cannot read "runs/a/latest": "progress" in its metadata is damaged');
  }
});

test("null progress and whitening survive", async () => {
  const checkpoint = { ...CHECKPOINT, progress: null, whitening: null };
  assert.equal(await decode(await encode(checkpoint), "x"), checkpoint);
});

test("equal checkpoints are equal bytes", async () => {
  const [a, b] = [await encode(CHECKPOINT), await encode(structuredClone(CHECKPOINT))];
  assert.ok(a.length === b.length && a.every((byte, i) => byte === b[i]));
});

test("a file made elsewhere has tensors, but no config and no progress", async () => {
  const { tensors } = CHECKPOINT;
  const { tensors: found, ...rest } = await decode(await encodeTensors({ metadata: {}, tensors }), "x");
  assert.equal(found, tensors);
  const none = { config: null, progress: null, microBatch: null, tunings: {} };
  assert.equal(rest, { ...none, scope: "", shaders: "", whitening: null });
});

test("what is nested too deeply to be written again is damaged, wherever it stands", async () => {
  const deep = '{"a":['.repeat(20_000) + "1" + "]}".repeat(20_000);
  for (const field of ["config", "architecture", "tunings"]) {
    const file = await encodeTensors({ metadata: { allcnn: `{"${field}":${deep}}` }, tensors: {} });
    await decode(file, "deep").then(() => assert.unreachable(), ({ message }: Error) => {
      assert.is(message, `Cannot read "deep": "${field}" in its metadata is damaged`);
    });
  }
});

test("damaged metadata and a truncated file are UserErrors that name the file", async () => {
  const damaged = await encodeTensors({ metadata: { allcnn: "{" }, tensors: {} });
  for (const bytes of [damaged, (await encode(CHECKPOINT)).slice(0, -1)]) {
    const error = await decode(bytes, "runs/a/latest").then(() => null, (error: unknown) => error);
    assert.instance(error, UserError);
    assert.match((error as UserError).message, "runs/a/latest");
  }
});

test("select takes the tensors of the specs, and those under a prefix without it", () => {
  assert.equal(select(CHECKPOINT, SPECS, "x"), {
    "conv1/w": CHECKPOINT.tensors["conv1/w"]!.data,
    "conv1/b": CHECKPOINT.tensors["conv1/b"]!.data,
  });
  assert.equal(Object.values(select(CHECKPOINT, SPECS, "x", "velocity/")), [
    CHECKPOINT.tensors["velocity/conv1/w"]!.data,
    CHECKPOINT.tensors["velocity/conv1/b"]!.data,
  ]);
});

test("select refuses values that are no numbers, and tensors that hold no floats", () => {
  const data = Float32Array.of(1, 2, NaN, 4, 5, 6),
    tensors = { ...CHECKPOINT.tensors, "conv1/w": { shape: [1, 1, 2, 3], data } };
  const refused = (checkpoint: Parameters<typeof select>[0], expected: RegExp) =>
    assert.throws(
      () => select(checkpoint, SPECS, "x"),
      (error: Error) => error instanceof UserError && expected.test(error.message),
    );
  refused({ tensors }, /"conv1\/w" holds NaN at element 2/);
  const least = { "conv1/w": { ...SPECS["conv1/w"]!, least: 0 } };
  const negative = { tensors: { "conv1/w": { shape: [1, 1, 2, 3], data: Float32Array.of(0, 0, -0.5, 1, 1, 1) } } };
  assert.throws(() => select(negative, least, "x"), /"conv1\/w" holds -0.5 at element 2, expected 0 or more/);
  data[2] = -Infinity;
  refused({ tensors }, /holds -Infinity at element 2/);
  refused({ tensors: {}, others: { "conv1/w": "I8" } }, /"conv1\/w" has type I8, floats are needed/);
});

/** Specs that do not fit, a prefix, and what the error must name besides the file. */
const WRONG: [string, ParamSpecs, string, string[]][] = [
  ["a missing tensor", { "conv2/w": { shape: [5, 6], init: { fanIn: 5, fanOut: 1 } } }, "", ['"conv2/w"', "[5, 6]"]],
  ["a missing prefix", SPECS, "moment/", ['"moment/conv1/w"', "[1, 1, 2, 3]"]],
  ["another shape", { "conv1/b": { shape: [10], init: { fanIn: 1, fanOut: 1 } } }, "", ['"conv1/b"', "[3]", "[10]"]],
  // As many elements, in another order: HWIO read as OIHW would be silently wrong.
  ["another layout", { "conv1/w": { shape: [3, 2, 1, 1], init: { fanIn: 2, fanOut: 1 } } }, "", [
    "[1, 1, 2, 3]",
    "[3, 2, 1, 1]",
  ]],
  ["another rank", { "conv1/b": { shape: [1, 3], init: { fanIn: 1, fanOut: 1 } } }, "velocity/", [
    '"velocity/conv1/b"',
    "[1, 3]",
  ]],
];

for (const [what, specs, prefix, named] of WRONG) {
  test(`select refuses ${what}: the error names file, tensor and shapes`, () => {
    assert.throws(() => select(CHECKPOINT, specs, "runs/a/latest", prefix), (error: Error) => {
      assert.instance(error, UserError);
      for (const part of ['"runs/a/latest"', ...named]) assert.ok(error.message.includes(part), error.message);
      return true;
    });
  });
}

test.run();
