/** A profile in the Trace Event Format, which https://ui.perfetto.dev and chrome://tracing open. */
import { type Peaks, roofline } from "../core/measure/peaks.ts";
import type { DispatchProfile } from "../core/measure/profile_plan.ts";
import type { Timed, Timeline } from "../core/measure/profile.ts";

/** What the trace tells about the op of a dispatch. */
export interface TracedOp {
  readonly label: string;
  readonly kernel: string;
  readonly tuning: unknown;
  readonly flops: number;
  readonly bytes: number;
}

/** A complete event ("X"), with start and duration in microseconds, or the name ("M") of a process or thread. */
export type TraceEvent =
  & {
    readonly name: string;
    readonly cat: string;
    readonly pid: number;
    readonly tid: number;
    readonly ts: number;
    readonly args: Readonly<Record<string, unknown>>;
  }
  & ({ readonly ph: "X"; readonly dur: number } | { readonly ph: "M" });

export interface Trace {
  readonly traceEvents: readonly TraceEvent[];
  readonly displayTimeUnit: "ms";
  readonly otherData: Record<string, unknown>;
}

const PROCESS = 1;
const TRACKS = ["Host", "Ops", "Dispatches, a pass each"] as const;
const [HOST, OPS, DISPATCHES] = [1, 2, 3];

/** Microseconds, to the nanosecond, since that is what timestamps count. */
const microseconds = (seconds: number) => Math.round(1e9 * seconds) / 1e3;

/**
 * Three tracks: what the host did, the ops, and their dispatches. Complete events are in order of their start; ops and
 * dispatches carry kernel, tuning, rates, bound and floor. `ops` names every op of `dispatches`, which correspond to
 * the passes of `timeline`.
 */
export function traceEvents(
  { title, ops, dispatches, timeline, peaks }: {
    /** The name of the whole: the config, for example. */
    readonly title: string;
    readonly ops: readonly TracedOp[];
    readonly dispatches: readonly Pick<DispatchProfile, "name" | "op" | "workgroups">[];
    readonly timeline: Timeline;
    readonly peaks: Peaks;
  },
): Trace {
  const complete = (tid: number, cat: string, name: string, { start, seconds }: Timed, args: TraceEvent["args"]) => ({
    ph: "X" as const,
    pid: PROCESS,
    tid,
    cat,
    name,
    ts: microseconds(start),
    // From the rounded ends, so that neighbours do not overlap by a nanosecond.
    dur: Math.round(1e3 * (microseconds(start + seconds) - microseconds(start))) / 1e3,
    args,
  });
  const host = timeline.host.map((phase) => complete(HOST, "host", phase.name, phase, {}));
  const device = ops.flatMap((op) => {
    const own = dispatches.flatMap((dispatch, index) =>
      dispatch.op === op.label ? [{ ...dispatch, timed: timeline.passes[index]! }] : []
    );
    if (own.length === 0) return [];
    const start = own[0]!.timed.start, { timed: last } = own.at(-1)!;
    const seconds = own.reduce((sum, { timed }) => sum + timed.seconds, 0);
    const args = opArguments(op, seconds, peaks);
    return [
      complete(OPS, "op", op.label, { start, seconds: last.start + last.seconds - start }, args),
      ...own.map(({ name, workgroups, timed }) =>
        complete(DISPATCHES, "dispatch", name, timed, { ...args, workgroups })
      ),
    ];
  });
  const metadata = (name: string, tid: number, args: TraceEvent["args"]): TraceEvent => (
    { ph: "M", pid: PROCESS, tid, cat: "__metadata", name, ts: 0, args }
  );
  const names = [
    metadata("process_name", 0, { name: title }),
    ...TRACKS.flatMap((name, index) => [
      metadata("thread_name", index + 1, { name }),
      metadata("thread_sort_index", index + 1, { sort_index: index }),
    ]),
  ];
  return {
    traceEvents: [...names, ...[...host, ...device].sort((a, b) => a.ts - b.ts || b.dur - a.dur)],
    displayTimeUnit: "ms",
    otherData: {
      peaks,
      clock: "WebGPU does not relate the clocks of host and device: the first pass is put where the submission ends",
    },
  };
}

/** Rates are the op's, over the seconds of its dispatches in this trace; null where the clock saw none pass. */
function opArguments({ kernel, tuning, flops, bytes }: TracedOp, seconds: number, peaks: Peaks): TraceEvent["args"] {
  const floor = roofline({ flops, bytes }, peaks),
    rate = (amount: number) => seconds > 0 ? amount / seconds / 1e9 : null;
  return {
    kernel,
    tuning,
    "GFLOP/s": rate(flops),
    "GB/s": rate(bytes),
    "bound by": floor.bound,
    "floor, us": microseconds(floor.seconds),
  };
}
