/** One device for all tests, and running single ops on host arrays. */
import type { Kernel } from "../kernels/kernel.ts";
import { type Context, openDevice } from "../core/device/device.ts";
import { op } from "../core/graph/op.ts";
import { type Buffers, compile, run } from "../core/device/plan.ts";
import { draw, key } from "../core/graph/random.ts";
import { type DType, type Shape, tensor } from "../core/graph/tensor.ts";
import { readTensors, writeTensor } from "../core/device/transfer.ts";
import { pack, unpacked } from "./_float16.ts";

let opened: Promise<Context> | null = null;

export function gpu(): Promise<Context> {
  return opened ??= openDevice();
}

/** Numbers in [-1, 1) on a grid of 1/1024, so that float32 and float16 hold them exactly. */
export function random(count: number, seed = 1): Float64Array {
  const k = key(seed, 0, 0);
  return Float64Array.from({ length: count }, (_, i) => (draw(k, i) % 2048 - 1024) / 1024);
}

export interface Operand {
  readonly shape: Shape;
  readonly data?: ArrayLike<number>;
  readonly dtype?: DType;
}

const count = (shape: Shape) => shape.reduce((a, b) => a * b, 1);

function encode({ shape, data = new Float64Array(count(shape)), dtype = "f32" }: Operand) {
  if (dtype === "f16") return pack(data);
  return (dtype === "u32" ? Uint32Array : Float32Array).from(data);
}

function decode(bytes: ArrayBuffer, { shape, dtype = "f32" }: Operand): Float64Array {
  if (dtype === "f16") return Float64Array.from(unpacked(new Uint32Array(bytes), count(shape)));
  return Float64Array.from(dtype === "u32" ? new Uint32Array(bytes) : new Float32Array(bytes));
}

/**
 * Runs one op with `tuning` on the GPU: each write starts from its data, or zero; returns the writes. Of f16, data are
 * numbers that it holds exactly.
 */
export async function runOp<Problem, Tuning>(
  kernel: Kernel<Problem, Tuning>,
  problem: Problem,
  tuning: Tuning,
  { reads, writes }: { reads: readonly Operand[]; writes: readonly Operand[] },
  opened: Context | null = null,
): Promise<Float64Array[]> {
  const context = opened ?? await gpu();
  const buffers: Buffers = new Map();
  const load = async (operand: Operand, index: number) => {
    const { shape, dtype = "f32" } = operand;
    const t = tensor(`operand${index}`, shape, { dtype, lifetime: "persistent" });
    await writeTensor(context, buffers, t, encode(operand));
    return t;
  };
  const inputs = await Promise.all(reads.map(load)), outputs = await Promise.all(writes.map(load));
  const program = { ops: [op(kernel, problem, { label: kernel.name, reads: inputs, writes: outputs })], keep: [] };
  const plan = await compile(context, program, { choose: () => Promise.resolve(tuning) }, buffers);
  run(context, plan);
  const bytes = await readTensors(context, buffers, outputs);
  context.check();
  plan.destroy();
  buffers.forEach((buffer) => buffer.destroy());
  return bytes.map((each, index) => decode(each, writes[index]!));
}

/** ||a - b|| / ||b||, and Infinity where the lengths differ. */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let difference = 0, norm = 0;
  for (let i = 0; i < a.length; i++) {
    difference += (a[i]! - b[i]!) ** 2;
    norm += b[i]! ** 2;
  }
  return norm === 0 ? Math.sqrt(difference) : Math.sqrt(difference / norm);
}
