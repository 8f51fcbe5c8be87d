/** The operations of a program, for people to read: what each reads and writes. */
import type { Layout } from "../core/graph/layout.ts";
import type { Params } from "../core/graph/layer.ts";
import { bytesOf, type Tensor } from "../core/graph/tensor.ts";
import { alignColumns } from "./op_table.ts";

export interface TensorInfo {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly bytes: number;
}

export interface OpInfo {
  readonly label: string;
  readonly kernel: string;
  readonly tuning: unknown;
  readonly reads: readonly TensorInfo[];
  readonly writes: readonly TensorInfo[];
  readonly dispatches: number;
  /** Operations of the definition, and bytes of the operands. */
  readonly flops: number;
  readonly bytes: number;
}

/** The ops of a program in order; `params` are the parameters of its network, whose names tell their parts of arenas. */
export function opInfos({ chosen }: Pick<Layout, "chosen">, params: Params): OpInfo[] {
  const infos = (tensors: readonly Tensor[]) => tensors.map((tensor) => tensorInfo(tensor, params));
  return chosen.map(({ op: { label, kernel, problem, reads, writes }, tuning, stages }) => {
    const { flops, bytes } = kernel.cost(problem), dispatches = stages.dispatches.length;
    return { label, kernel: kernel.name, tuning, reads: infos(reads), writes: infos(writes), dispatches, flops, bytes };
  });
}

function tensorInfo(tensor: Tensor, params: Params): TensorInfo {
  const { shape, dtype } = tensor;
  return { name: nameOf(tensor, params), shape, dtype, bytes: bytesOf(tensor) };
}

/** "conv1/w" of a part of the parameters' arena, "grads/conv1/w" of that of another one, which has the same layout. */
function nameOf({ buffer: { label }, offset, shape }: Tensor, params: Params): string {
  const [, arena, chunk] = label.match(/^(.+)\/(\d+)$/) ?? [];
  const found = arena === undefined
    ? undefined
    : Object.entries(params).find(([, view]) =>
      view.buffer.label.endsWith(`/${chunk}`) && view.offset === offset && view.shape.join() === shape.join()
    );
  return found === undefined ? label : arena === "params" ? found[0] : `${arena}/${found[0]}`;
}

const LEGEND =
  "Shapes are batch x height x width x channels, of weights kernel height x kernel width x inputs x outputs. Of a layer,\n" +
  "y is the output, dx, dw and dz are gradients: of its input, its weights, its sum before the activation. What differs\n" +
  "from step to step is in step (number, seed, learning rate, place in the epoch), so that the program never changes.";

/** One line for each op: its number, label, kernel and shaders, what it reads, what it writes; then how to read it. */
export function opList(ops: readonly OpInfo[]): string {
  const head = ["#", "operation", "kernel", "shaders", "reads -> writes"];
  const rows = ops.map(({ label, kernel, dispatches, reads, writes }, index) => [
    String(index),
    label,
    kernel,
    String(dispatches),
    `${reads.map(tensorText).join(", ")}${reads.length === 0 ? "" : " "}-> ${writes.map(tensorText).join(", ")}`,
  ]);
  return `${alignColumns([head, ...rows], [1, 2, 4])}\n\n${LEGEND}`;
}

/** "conv1/y 128x32x32x96"; float32 goes without saying. */
export function tensorText({ name, shape, dtype }: TensorInfo): string {
  return `${name} ${shape.join("x")}${dtype === "f32" ? "" : ` ${dtype}`}`;
}
