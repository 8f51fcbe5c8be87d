/** Constants of an ONNX graph: weights, and the small lists of integers that shapes are made of. */
import { FLOAT_FORMATS } from "../core/host/float_formats.ts";
import type { NodeAttributes } from "./onnx_attributes.ts";
import { DATA_TYPE, type Initializer } from "./onnx_messages.ts";

/** Numbers with dimensions. */
export interface Constant {
  readonly dims: readonly number[];
  readonly data: ArrayLike<number>;
}

/** What of a node, or a file, is not known here: words that go on behind its name. */
export class Unread extends Error {}

const count = (dims: readonly number[]) => dims.reduce((product, size) => product * size, 1);

/** Formats of raw bytes, by the number of the type. */
const FORMATS: Readonly<Record<number, string>> = {
  [DATA_TYPE.float]: "F32",
  [DATA_TYPE.float16]: "F16",
  [DATA_TYPE.double]: "F64",
};

function integers(bytes: Uint8Array, size: 4 | 8): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from(
    { length: bytes.length / size },
    (_, i) => size === 4 ? view.getInt32(4 * i, true) : Number(view.getBigInt64(8 * i, true)),
  );
}

/** Values in `rawData`, whose length was checked. */
function raw(bytes: Uint8Array, dataType: number): ArrayLike<number> {
  const format = FORMATS[dataType];
  return format === undefined
    ? integers(bytes, dataType === DATA_TYPE.int32 ? 4 : 8)
    : FLOAT_FORMATS[format]!.read(bytes);
}

const SIZES: Readonly<Record<number, number>> = { 1: 4, 6: 4, 7: 8, 10: 2, 11: 8 };

/** The numbers of a tensor. Throws `Unread` where they are elsewhere, of an unknown type, or not as many as it says. */
export function constantOf(tensor: Initializer): Constant {
  const { name, dims, dataType, rawData, externalData = [] } = tensor, what = `has a tensor "${name}"`;
  if (externalData.length > 0) {
    const place = externalData.find(({ key }) => key === "location")?.value ?? "another file";
    throw new Unread(`${what} whose values lie in "${place}": save the model as one file, with its weights inside`);
  }
  const size = SIZES[dataType];
  if (size === undefined) {
    throw new Unread(`${what} of type ${dataType}, known are float32, float16, float64, int32 and int64`);
  }
  const wanted = count(dims);
  const lists = [tensor.floatData, tensor.int32Data, tensor.int64Data, tensor.doubleData];
  const listed = lists.find((list) => list !== undefined && list.length > 0) ?? [];
  const found = rawData !== undefined ? rawData.length / size : listed.length;
  if (!dims.every((dim) => Number.isSafeInteger(dim) && dim >= 0) || found !== wanted) {
    throw new Unread(`${what} with ${found} values for [${dims.join(", ")}]`);
  }
  if (rawData !== undefined) return { dims, data: raw(rawData, dataType) };
  if (dataType !== DATA_TYPE.float16) return { dims, data: listed };
  return { dims, data: FLOAT_FORMATS["F16"]!.read(new Uint8Array(Uint16Array.from(listed).buffer)) };
}

/** As a list of floats. */
export const floats = ({ data }: Constant): Float32Array<ArrayBuffer> => Float32Array.from(data);

type Evaluate = (inputs: readonly Constant[], attributes: NodeAttributes) => Constant;

const listOf = (data: ArrayLike<number>): Constant => ({ dims: [data.length], data });
const same: Evaluate = ([x]) => x!;

/** Rows of what `x` is along its first axis, from `start` to before `end`, as Python counts. */
function sliced(x: Constant, start: number, end: number, step: number): Constant {
  const rows = x.dims[0] ?? 0, size = rows === 0 ? 0 : x.data.length / rows, taken: number[] = [];
  const place = (at: number) => Math.min(rows, Math.max(-1, at < 0 ? at + rows : at)), last = place(end);
  for (let row = Math.min(place(start), step < 0 ? rows - 1 : rows); step > 0 ? row < last : row > last; row += step) {
    for (let i = 0; i < size; i++) taken.push(x.data[row * size + i]!);
  }
  return { dims: [size === 0 ? 0 : taken.length / size, ...x.dims.slice(1)], data: taken };
}

/** The largest list that is filled or cut while shapes are computed. */
const MOST = 1_000_000;

function asList(x: Constant): Constant {
  if (x.dims.length > 1) throw new Unread(`works on a constant [${x.dims.join(", ")}], where only lists can be read`);
  return x;
}

/** Operators on constants: what programs compute shapes by, and weights that several nodes share. */
export const CONSTANT_OPERATORS: Readonly<Record<string, Evaluate>> = {
  Identity: same,
  Cast: same,
  Unsqueeze: ([x]) => x!.dims.length === 0 ? listOf(x!.data) : x!,
  Squeeze: ([x]) => x!.data.length === 1 ? { dims: [], data: x!.data } : x!,
  Concat: (inputs) => listOf(inputs.flatMap((each) => Array.from(asList(each).data))),
  Gather: ([x, indices]) => {
    asList(x!);
    const at = (index: number) => x!.data[index < 0 ? index + x!.data.length : index] ?? NaN;
    return { dims: indices!.dims, data: Array.from(indices!.data, at) };
  },
  Reshape: ([x, shape]) => {
    const dims = Array.from(shape!.data), known = count(dims.filter((size) => size !== -1));
    const all = dims.map((size) => size === -1 ? x!.data.length / known : size);
    if (count(all) !== x!.data.length) throw new Unread(`makes [${dims.join(", ")}] of ${x!.data.length} numbers`);
    return { dims: all, data: x!.data };
  },
  ConstantOfShape: ([shape], attributes) => {
    const tensor = attributes.find("value")?.t, dims = Array.from(shape!.data), size = count(dims);
    if (!(size >= 0 && size <= MOST)) throw new Unread(`fills [${dims.join(", ")}]`);
    return { dims, data: Array<number>(size).fill(tensor === undefined ? 0 : constantOf(tensor).data[0]!) };
  },
  Slice: ([x, starts, ends, axes, steps]) => {
    const step = steps?.data[0] ?? 1, first = [starts!, ends!].every(({ data }) => data.length === 1);
    if (!first || (axes?.data[0] ?? 0) !== 0 || !Number.isInteger(step) || step === 0 || x!.data.length > MOST) {
      throw new Unread("cuts a constant otherwise than along its first axis");
    }
    return sliced(x!, starts!.data[0]!, ends!.data[0]!, step);
  },
  Transpose: ([x], attributes) => {
    const [rows, columns] = x!.dims, order = attributes.ints("perm", [1, 0]).join();
    if (x!.dims.length !== 2 || order !== "1,0") throw new Unread("transposes weights that are no matrix");
    const data = new Float32Array(x!.data.length);
    for (let i = 0; i < rows!; i++) for (let j = 0; j < columns!; j++) data[j * rows! + i] = x!.data[i * columns! + j]!;
    return { dims: [columns!, rows!], data };
  },
};
