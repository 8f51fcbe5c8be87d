/**
 * Fusion: an op that only passes over the result of another goes where that op's kernel can do it as it stores, which
 * saves writing and reading the result once more. What an op is, and what a kernel absorbs, kernels say as data
 * (kernels/pointwise.ts); here is where in a program that is the same.
 */
import { joined, type Pointwise, readsAfter } from "../../kernels/pointwise.ts";
import type { Op } from "./op.ts";
import type { Tensor, VirtualBuffer } from "./tensor.ts";

interface Fusible {
  readonly ops: readonly Op[];
  readonly keep: readonly Tensor[];
}

/** What was absorbed into the op that now writes a buffer. */
type Absorbed = Map<VirtualBuffer, Pointwise>;

const pointwiseOf = ({ kernel, problem }: Op): Pointwise | null => kernel.pointwise?.(problem) ?? null;

const isTransient = ({ keep }: Fusible, { buffer }: Tensor) =>
  buffer.lifetime === "transient" && !keep.some((each) => each.buffer === buffer);

const readersOf = ({ ops }: Fusible, { buffer }: Tensor) =>
  ops.filter(({ reads }) => reads.some((tensor) => tensor.buffer === buffer));

/** The ops that pass over `y` as one, the last of them, and the buffer that others read instead of y from then on. */
function* passes(program: Fusible, y: Tensor, absorbed: Absorbed) {
  const readers = readersOf(program, y);
  for (const next of readers) {
    const first = pointwiseOf(next), others = readers.filter((each) => each !== next);
    if (first === null || next.reads[0]!.buffer !== y.buffer) continue;
    if (others.every((each) => readsAfter(first, pointwiseOf(each)))) yield { pass: first, gone: [next] };
    const [last, ...more] = others.length > 0 ? [] : readersOf(program, next.writes[0]!);
    const second = last === undefined || more.length > 0 ? null : pointwiseOf(last);
    if (second === null || last!.reads[0]!.buffer !== next.writes[0]!.buffer) continue;
    if (!isTransient(program, next.writes[0]!)) continue;
    const source = last!.reads[1]; // a ReLU has none
    const pass = joined(first, second, source === undefined ? null : absorbed.get(source.buffer) ?? null);
    if (pass !== null) yield { pass, gone: [next, last!] };
  }
}

/** The ops with one pass absorbed; null where there is none to absorb. */
function absorbOne(program: Fusible, absorbed: Absorbed): readonly Op[] | null {
  for (const op of program.ops) {
    const [y] = op.writes;
    if (op.kernel.absorb === undefined || y === undefined || !isTransient(program, y)) continue;
    for (const { pass, gone } of passes(program, y, absorbed)) {
      const problem = op.kernel.absorb(op.problem, pass), { reads, writes } = gone.at(-1)!;
      if (problem === null) continue;
      absorbed.set(writes[0]!.buffer, pass);
      const moved = (tensor: Tensor) => tensor.buffer === y.buffer ? writes[0]! : tensor;
      return program.ops.filter((each) => !gone.includes(each)).map((each) =>
        each === op
          ? { ...op, problem, reads: [...op.reads, ...reads.slice(1)], writes }
          : { ...each, reads: each.reads.map(moved) }
      );
    }
  }
  return null;
}

/** The same program with fewer ops. Pure. */
export function fuse<Program extends Fusible>(program: Program): Program {
  const absorbed: Absorbed = new Map();
  let fused = program;
  for (let ops = absorbOne(fused, absorbed); ops !== null; ops = absorbOne(fused, absorbed)) fused = { ...fused, ops };
  return fused;
}
