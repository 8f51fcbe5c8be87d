import { test } from "uvu";
import * as assert from "uvu/assert";
import { UserError } from "../../core/host/errors.ts";
import { FLOAT_FORMATS } from "../../core/host/float_formats.ts";
import { decodeTensors, encodeTensors, sha256 } from "../../core/host/safetensors.ts";

const TENSORS = {
  "conv1/w": { shape: [2, 3], data: Float32Array.of(1, -2.5, 1e-38, NaN, -0, Infinity) },
  "conv1/b": { shape: [3], data: new Float32Array([9, 1, 2, 3, 9]).subarray(1, 4) }, // a view into a larger array
  "scalar": { shape: [], data: Float32Array.of(7) },
  "empty": { shape: [0, 4], data: new Float32Array(0) },
  "größe": { shape: [1], data: Float32Array.of(5) },
};
const METADATA = { allcnn: '{"a":"ü"}', note: "line\nbreak" };
const encoded = await encodeTensors({ metadata: METADATA, tensors: TENSORS });
const headerLength = Number(new DataView(encoded.buffer).getBigUint64(0, true));

/** A file with this header and `body` bytes of zeros, as another program might write it. */
function foreign(header: unknown, body = new Uint8Array(16)): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const file = new Uint8Array(8 + json.length + body.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
  file.set(json, 8);
  file.set(body, 8 + json.length);
  return file;
}

/** The message with which decoding fails; it must be a UserError of one line that names the file. */
async function failure(bytes: Uint8Array<ArrayBuffer>, what: string): Promise<string> {
  const error = await decodeTensors(bytes, "runs/x.safetensors").then(() => null, (error: unknown) => error);
  assert.instance(error, UserError, `${what}: ${error ?? "accepted"}`);
  const { message } = error as UserError;
  assert.ok(message.includes('"runs/x.safetensors"') && !message.includes("\n"), message);
  return message;
}

const entry = { dtype: "F32", shape: [4], data_offsets: [0, 16] };
const bits = ({ data }: { data: Float32Array }) => [...new Uint32Array(data.slice().buffer)];

test("decoding gives back names in order, shapes, every bit of the data, and the metadata", async () => {
  const { metadata, tensors } = await decodeTensors(encoded, "x");
  assert.equal(Object.keys(tensors), Object.keys(TENSORS));
  for (const [name, expected] of Object.entries(TENSORS)) {
    assert.equal(tensors[name]!.shape, expected.shape, name);
    assert.equal(bits(tensors[name]!), bits(expected), name);
  }
  assert.equal(metadata, METADATA);
});

test("half precision is rounded to the nearest, ties to even, and takes half the bytes", async () => {
  const pairs = [
    [1, 1],
    [-0, -0],
    [1 + 2 ** -11, 1], // in the middle of two: the even one
    [1 + 3 * 2 ** -11, 1 + 2 ** -9],
    [1 + 2 ** -11 + 2 ** -20, 1 + 2 ** -10],
    [-(2 - 2 ** -12), -2], // carries into the exponent
    [65504, 65504],
    [65519, 65504],
    [65520, Infinity],
    [-Infinity, -Infinity],
    [2 ** -14, 2 ** -14],
    [3 * 2 ** -24, 3 * 2 ** -24], // subnormal
    [2.5 * 2 ** -24, 2 * 2 ** -24],
    [2 ** -14 - 2 ** -26, 2 ** -14],
    [2 ** -25, 0],
    [1e-40, 0],
    [NaN, NaN],
  ] as const;
  const data = Float32Array.from(pairs, ([value]) => value), tensors = { odd: { shape: [pairs.length], data } };
  const bytes = await encodeTensors({
    metadata: {},
    tensors: { ...tensors, next: { shape: [1], data: Float32Array.of(3) } },
  }, "F16");
  const read = (await decodeTensors(bytes, "x")).tensors;
  assert.equal(bits(read["odd"]!), bits({ data: Float32Array.from(pairs, ([, nearest]) => nearest) }));
  assert.equal([...read["next"]!.data], [3]);
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  assert.is(bytes.length, 8 + length + 2 * (pairs.length + 1));
  // What a float16 holds is kept to the bit, whichever it is.
  const all = FLOAT_FORMATS["F16"]!.read(new Uint8Array(Uint16Array.from({ length: 0x7c00 }, (_, i) => i).buffer));
  const again = await encodeTensors({ metadata: {}, tensors: { all: { shape: [all.length], data: all } } }, "F16");
  assert.equal(bits((await decodeTensors(again, "x")).tensors["all"]!), bits({ data: all }));
});

test("the bytes may lie anywhere in a larger buffer", async () => {
  const larger = new Uint8Array(encoded.length + 20).fill(0xff);
  larger.set(encoded, 13); // no multiple of 4: a Float32Array cannot look at it in place
  const { tensors } = await decodeTensors(larger.subarray(13, 13 + encoded.length), "x");
  assert.equal(bits(tensors["conv1/w"]!), bits(TENSORS["conv1/w"]));
});

test("the file is what the format says: aligned data behind a JSON header", () => {
  const header = JSON.parse(new TextDecoder().decode(encoded.subarray(8, 8 + headerLength)));
  assert.is(headerLength % 8, 0);
  assert.equal(header["conv1/b"], { dtype: "F32", shape: [3], data_offsets: [24, 36] });
  assert.is(encoded.length, 8 + headerLength + 4 * (6 + 3 + 1 + 0 + 1));
});

test("sha256 is SHA-256", async () => {
  const abc = await sha256(new TextEncoder().encode("abc"));
  assert.is(abc, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"); // FIPS 180-2, B.1
});

test("a file cut anywhere is refused", async () => {
  for (let length = 0; length < encoded.length; length++) {
    await failure(encoded.slice(0, length), `cut to ${length} of ${encoded.length} bytes`);
  }
});

test("a flipped bit anywhere in the data is detected", async () => {
  for (let at = 8 + headerLength; at < encoded.length; at++) {
    const damaged = encoded.slice();
    damaged[at]! ^= 1 << at % 8;
    assert.match(await failure(damaged, `byte ${at}`), "damaged");
  }
});

test("a flipped bit anywhere in the header never ends in another kind of error", async () => {
  for (let at = 0; at < 8 + headerLength; at++) {
    const damaged = encoded.slice();
    damaged[at]! ^= 1 << at % 8;
    await decodeTensors(damaged, "x").catch((error) => assert.instance(error, UserError, `byte ${at}: ${error}`));
  }
});

test("a changed character of what we say in the metadata is damage: a resumed run must not start from another step", async () => {
  const changed = encoded.slice(), text = new TextDecoder().decode(changed.subarray(8, 8 + headerLength));
  const at = 8 + new TextEncoder().encode(text.slice(0, text.indexOf("ü"))).length;
  changed[at]! ^= 1;
  await decodeTensors(changed, "runs/x.safetensors").then(() => assert.unreachable(), (error) => {
    assert.match((error as Error).message, /checksum differs/);
  });
});

test("a foreign file without a checksum or any metadata is accepted", async () => {
  const entry = { dtype: "F32", shape: [2, 2], data_offsets: [0, 16] };
  for (const header of [{ w: entry }, { __metadata__: {}, w: entry }, { __metadata__: { format: "pt" }, w: entry }]) {
    const { tensors } = await decodeTensors(foreign(header), "x");
    assert.equal(tensors["w"]!.shape, [2, 2]);
    assert.equal([...tensors["w"]!.data], [0, 0, 0, 0]);
  }
});

test("integers are passed over, by name and type; a checksum of another tool says nothing of ours", async () => {
  const step = { dtype: "I64", shape: [2], data_offsets: [0, 16] }, floats = { ...entry, data_offsets: [16, 32] };
  const header = { __metadata__: { checksum: "of another tool" }, step, w: floats };
  const { metadata, tensors, others } = await decodeTensors(foreign(header, new Uint8Array(32)), "x");
  assert.equal([Object.keys(tensors), others], [["w"], { step: "I64" }]);
  assert.equal(metadata, { checksum: "of another tool" });
});

test("what another tool has written down again, in another order and with metadata of its own, is not damaged", async () => {
  const header = JSON.parse(new TextDecoder().decode(encoded.subarray(8, 8 + headerLength)));
  const { __metadata__, ...entries } = header, body = encoded.slice(8 + headerLength);
  const again = {
    ...Object.fromEntries(Object.entries(entries).reverse()),
    __metadata__: { format: "pt", ...__metadata__ },
  };
  const { tensors } = await decodeTensors(foreign(again, body), "x");
  assert.equal(bits(tensors["conv1/w"]!), bits(TENSORS["conv1/w"]));
  body[0]! ^= 1;
  assert.match(await failure(foreign(again, body), "a changed value"), "checksum differs");
});

test("the checksum of files before 0.2 is still checked", async () => {
  const w = { dtype: "F32", shape: [2], data_offsets: [0, 8] },
    metadata = { allcnn: "{}" },
    body = Uint8Array.of(0, 0, 128, 63, 0, 0, 0, 64);
  const text = new TextEncoder().encode(`${JSON.stringify({ __metadata__: metadata, w })}${await sha256(body)}`);
  const file = foreign({ __metadata__: { ...metadata, checksum: await sha256(text) }, w }, body);
  const { metadata: kept, tensors } = await decodeTensors(file, "x");
  assert.equal([kept, [...tensors["w"]!.data]], [metadata, [1, 2]]);
  file[file.length - 1]! ^= 1;
  assert.match(await failure(file, "a changed value"), "checksum differs");
});

test("other float formats are read as float32", async () => {
  const half = [0x3c00, 0xc000, 0x7bff, 0x0001, 0x83ff, 0x8000, 0x7c00, 0x3555]; // IEEE 754-2019, binary16
  const halfValues = [1, -2, 65504, 2 ** -24, -(2 ** -14 - 2 ** -24), -0, Infinity, 0.333251953125];
  const brain = [0x3f80, 0xc000, 0x3eab, 0x8000, 0xff80], brainValues = [1, -2, 0.333984375, -0, -Infinity];
  const double = [1, -1 / 3, 1e-45, 1e300], doubleValues = [1, Math.fround(-1 / 3), Math.fround(1e-45), Infinity];
  const cases = [
    ["F16", Uint16Array.from(half), halfValues],
    ["BF16", Uint16Array.from(brain), brainValues],
    ["F64", Float64Array.from(double), doubleValues],
  ] as const;
  for (const [dtype, data, expected] of cases) {
    const entry = { dtype, shape: [data.length], data_offsets: [0, data.byteLength] };
    const { tensors } = await decodeTensors(foreign({ w: entry }, new Uint8Array(data.buffer)), "x");
    assert.ok(expected.every((value, i) => Object.is(value, tensors["w"]!.data[i])), `${dtype}: ${tensors["w"]!.data}`);
  }
});

const WRONG: [string, unknown, string][] = [
  ["a type that nobody knows", { w: { ...entry, dtype: "F4" } }, "type F4, expected F32, F16, BF16, F64, I64"],
  ["integers with the size of others", { w: { ...entry, dtype: "I64" } }, "offsets"],
  ["a type that every object has", { w: { ...entry, dtype: "constructor" } }, "type constructor"],
  ["half precision with the size of full", { w: { ...entry, dtype: "F16" } }, "offsets"],
  ["no dtype", { w: { shape: [4], data_offsets: [0, 16] } }, '"w"'],
  ["a negative size", { w: { ...entry, shape: [-4] } }, '"w"'],
  ["a fraction of a size", { w: { ...entry, shape: [1.5] } }, '"w"'],
  ["a shape that is no list", { w: { ...entry, shape: 4 } }, '"w"'],
  ["an entry that is null", { w: null }, '"w"'],
  ["offsets too short for the shape", { w: { ...entry, data_offsets: [0, 12] } }, "offsets"],
  ["offsets the wrong way round", { w: { ...entry, data_offsets: [16, 0] } }, "offsets"],
  ["offsets before the data", { w: { ...entry, data_offsets: [-16, 0] } }, "offsets"],
  ["no offsets", { w: { dtype: "F32", shape: [4] } }, "offsets"],
  ["offsets that are text", { w: { ...entry, data_offsets: ["0", "16"] } }, "offsets"],
  ["offsets past the end", { w: { ...entry, data_offsets: [4, 20] } }, "truncated"],
  ["metadata that are null", { __metadata__: null, w: entry }, "metadata"],
  ["metadata that are text", { __metadata__: "text", w: entry }, "metadata"],
  ["another checksum", { __metadata__: { allcnn_sha256: "0".repeat(64) }, w: entry }, "damaged"],
  ["another former checksum", { __metadata__: { allcnn: "{}", checksum: "0".repeat(64) }, w: entry }, "damaged"],
  ["no JSON", "{w", "header"],
  ["a header that is null", "null", "header"],
  ["a header that is a list", "[]", "header"],
  ["a header that is a number", "5", "header"],
];

for (const [what, header, named] of WRONG) {
  test(`${what}: the error names the file and "${named}"`, async () => {
    assert.match(await failure(foreign(header), what), named);
  });
}

test("what people have instead is named: a pointer of Git LFS, a web page, files of PyTorch and Keras", async () => {
  const text = (start: string) => Uint8Array.from(start.padEnd(600, "x"), (sign) => sign.charCodeAt(0));
  const FILES: readonly [string, RegExp][] = [
    ["version https://git-lfs.github.com/spec/v1\noid sha256:1", /it is a pointer of Git LFS, .*git lfs pull$/],
    ["<!DOCTYPE html><html>Not found", /it is a web page/],
    [`PK\x03\x04${"\0".repeat(26)}w/data.pklFB`, /it is of PyTorch: save its tensors with safetensors/],
    [`PK\x03\x04${"\0".repeat(26)}arr_0.npy`, /it is a zip archive/],
    ["\x80\x02\x8a\nl\xfc\x9cF\xf9 j", /it is a pickle/],
    ["\x89HDF\r\n\x1a\n", /it is of HDF5/],
  ];
  for (const [start, message] of FILES) assert.match(await failure(text(start), start), message);
  const cut = Uint8Array.of(0x80, 2, 0, 0, 0, 0, 0, 0, ...text("{"));
  assert.match(await failure(cut.subarray(0, 400), "a header of 640 bytes"), /its header is truncated/);
});

test("a file of another kind is refused before its length is believed", async () => {
  for (const text of ["PK\x03\x04 a zip file, such as PyTorch's", "GIF89a", "\x93NUMPY\x01\x00"]) {
    await failure(new TextEncoder().encode(text), text);
  }
});

test.run();
