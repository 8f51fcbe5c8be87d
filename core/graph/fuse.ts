/**
 * Fusion: ops that only pass over a convolution's result become its epilogue (kernels/conv/epilogue.ts), which saves writing
 * and reading it again. Two rewrites of a program, each a function of plain data:
 *
 *   convolution, dropout                  ->  convolution that drops out
 *   convolution backward, dropout, ReLU   ->  convolution backward that masks
 *
 * Behind a plain ReLU, an element of the dropped out y is positive exactly where it was kept and the ReLU let it pass,
 * so one mask serves both. For a leaky ReLU it is not, and the dropout stays an op of its own.
 */
import { convBackwardData } from "../../kernels/conv/conv_backward_data.ts";
import { convForward } from "../../kernels/conv/conv_forward.ts";
import { dropout, type DropoutProblem } from "../../kernels/layer/dropout.ts";
import type { Kernel } from "../../kernels/kernel.ts";
import { reluPullback } from "../../kernels/layer/relu_pullback.ts";
import { type Op, op } from "./op.ts";
import type { Tensor, VirtualBuffer } from "./tensor.ts";

interface Fusible {
  readonly ops: readonly Op[];
  readonly keep: readonly Tensor[];
}

/** The op's problem if it is a use of `kernel`, else null. */
function problemOf<Problem, Tuning>(kernel: Kernel<Problem, Tuning>, each: Op | undefined): Problem | null {
  return each !== undefined && each.kernel.name === kernel.name ? each.problem as Problem : null;
}

const readersOf = ({ ops }: Fusible, { buffer }: Tensor) =>
  ops.filter(({ reads }) => reads.some((tensor) => tensor.buffer === buffer));

/** The only op that reads a transient tensor, if nothing else needs it. */
function onlyReader(program: Fusible, tensor: Tensor): Op | undefined {
  const readers = readersOf(program, tensor), { buffer } = tensor;
  const kept = buffer.lifetime === "persistent" || program.keep.some((each) => each.buffer === buffer);
  return readers.length === 1 && !kept ? readers[0] : undefined;
}

/** The program with `from` replaced, the ops of `gone` left out, and reads of one buffer moved to another tensor. */
function rewritten(
  { ops, keep }: Fusible,
  from: Op,
  to: Op,
  gone: readonly Op[],
  moved: readonly [VirtualBuffer, Tensor] | null = null,
): Fusible {
  const move = (tensor: Tensor) => moved !== null && tensor.buffer === moved[0] ? moved[1] : tensor;
  return {
    keep,
    ops: ops.filter((each) => !gone.includes(each)).map((each) =>
      each === from ? to : { ...each, reads: each.reads.map(move) }
    ),
  };
}

/** A ReLU's pullback by the ordinary rule, for a slope of 0. */
function isPlainGradient(each: Op): boolean {
  const relu = problemOf(reluPullback, each);
  return relu !== null && relu.rule === "gradient" && relu.slope === 0;
}

/** The first convolution that a dropout follows, made one; null where there is none. */
function fuseDropout(program: Fusible): Fusible | null {
  for (const each of program.ops) {
    const conv = problemOf(convForward, each), [y] = each.writes;
    if (conv === null || y === undefined || conv.dropout !== undefined || conv.slope !== 0) continue;
    const readers = readersOf(program, y), dropped = readers.find((reader) => problemOf(dropout, reader) !== null);
    const others = readers.filter((reader) => reader !== dropped);
    if (dropped === undefined || !others.every(isPlainGradient) || program.keep.some((k) => k.buffer === y.buffer)) {
      continue;
    }
    const { count: _count, dtype: _dtype, ...draws } = dropped.problem as DropoutProblem, { label } = each;
    const writes = dropped.writes, reads = [...each.reads, dropped.reads[1]!];
    const fused = op(convForward, { ...conv, dropout: draws }, { label, reads, writes });
    return rewritten(program, each, fused, [dropped], [y.buffer, writes[0]!]);
  }
  return null;
}

/** Is `mask` what a fused convolution wrote with this dropout? */
function isDroppedBy({ ops }: Fusible, mask: Tensor, { rate, stream }: DropoutProblem): boolean {
  const writer = ops.find(({ writes }) => writes.some(({ buffer }) => buffer === mask.buffer));
  const fused = problemOf(convForward, writer)?.dropout;
  return fused !== undefined && fused.rate === rate && fused.stream === stream;
}

/** The first backward convolution that a ReLU's pullback follows, made one; null where there is none. */
function fuseMask(program: Fusible): Fusible | null {
  for (const each of program.ops) {
    const conv = problemOf(convBackwardData, each);
    if (conv === null || conv.mask !== undefined) continue;
    const next = onlyReader(program, each.writes[0]!);
    const dropped = problemOf(dropout, next);
    const last = dropped === null ? next : onlyReader(program, next!.writes[0]!);
    const relu = problemOf(reluPullback, last);
    if (relu === null || relu.rule !== "gradient") continue;
    const mask = last!.reads[1]!;
    if (dropped !== null && !(relu.slope === 0 && isDroppedBy(program, mask, dropped))) continue;
    const problem = { ...conv, mask: { scale: dropped === null ? 1 : 1 / (1 - dropped.rate), slope: relu.slope } };
    const { label } = each, reads = [...each.reads, mask], writes = last!.writes;
    const fused = op(convBackwardData, problem, { label, reads, writes });
    return rewritten(program, each, fused, dropped === null ? [last!] : [next!, last!]);
  }
  return null;
}

/** The same program with fewer ops. Pure. */
export function fuse<Program extends Fusible>(program: Program): Program {
  let current: Fusible = program;
  for (const rewrite of [fuseDropout, fuseMask]) {
    for (let next = rewrite(current); next !== null; next = rewrite(current)) current = next;
  }
  return { ...program, ...current };
}
