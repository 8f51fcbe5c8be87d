/** Kernels, benches and a clock for tests of the tuner that need no device. */
import type { Limits, Shader, Stages } from "../../kernels/kernel.ts";
import { type Op, op } from "../../core/graph/op.ts";
import { draw, key } from "../../core/graph/random.ts";
import { tensor } from "../../core/graph/tensor.ts";
import type { Attempt, Bench } from "../../core/tune/tune_bench.ts";
import type { TuneCache } from "../../core/tune/tune_cache.ts";
import type { SearchOptions } from "../../core/tune/tune_search.ts";

/** The limits of a device that offers little. */
export const LIMITS: Limits = {
  workgroupInvocations: 256,
  workgroupStorage: 16384,
  bindingBytes: 2 ** 27,
  subgroupSize: null,
  software: false,
  exact: false,
};

/** An imagined tuning: its seconds are part of its "shader", by which the bench knows them. */
export interface Imagined {
  readonly n: number;
}

/** An op of a kernel whose n-th tuning, called `{ n }`, generates `codes[n]`. */
export function imaginedOp(label: string, codes: readonly string[], problem: unknown = { label }): Op {
  const kernel = {
    name: "imagined",
    tunings: () => codes.map((_, n): Imagined => ({ n })),
    stages: (_: unknown, { n }: Imagined): Stages => {
      const shader: Shader = { code: codes[n]!, workgroups: [1, 1, 1] };
      return { scratch: [], dispatches: [{ shader, bindings: [] }] };
    },
    cost: () => ({ flops: 1, bytes: 1 }),
  };
  return op(kernel, problem, { label, reads: [], writes: [tensor("y", [4])] });
}

/** A clock that only moves when told to. */
export interface Clock {
  seconds: number;
}

/**
 * Search options whose bench reads "device compile" seconds from the shader: "0.5 7" takes 7 seconds to compile and
 * half a second on the device; "wrong 1" computes something else; "0.5 7 flaky" does in one check of ten. `tried` lists what was attempted.
 */
export function imaginedBench(
  cache: TuneCache,
  clock: Clock,
): SearchOptions & { readonly tried: string[]; readonly events: string[] } {
  const tried: string[] = [], events: string[] = [];
  const codeOf = (stages: Stages) => stages.dispatches[0]!.shader.code;
  const bench: Bench = {
    expected: { outputs: [{ norm: 1, projections: [0, 0], notFinite: 0 }], inPlace: [false] },
    prefetch: () => {},
    attempt(stages): Promise<Attempt> {
      const [first, second] = codeOf(stages).split(" "), compileSeconds = Number(second ?? 0);
      tried.push(codeOf(stages));
      clock.seconds += compileSeconds;
      if (first === "wrong") {
        return Promise.resolve({ status: "rejected", reason: "computes nonsense", compileSeconds });
      }
      clock.seconds += 4 * Number(first);
      return Promise.resolve({
        status: "timed",
        seconds: Number(first),
        compileSeconds,
        runnable: { stages, pipelines: [] },
      });
    },
    check({ stages }, round) {
      const [first, , often] = codeOf(stages).split(" ");
      events.push(`check ${codeOf(stages)}`);
      clock.seconds += 2 * Number(first);
      const wrong = often === "flaky" && draw(key(15, 0, 0), round) % 10 === 0;
      return Promise.resolve(wrong ? "computes nonsense" : null);
    },
    time(runnables) {
      const seconds = runnables.map(({ stages }) => Number(codeOf(stages).split(" ")[0]));
      seconds.forEach((each) => clock.seconds += each);
      return Promise.resolve(seconds);
    },
    close: () => events.push("closed"),
  };
  return {
    tried,
    events,
    limits: LIMITS,
    cache,
    openBench: () => Promise.resolve(bench),
    floor: () => Promise.resolve(1e-3),
    ahead: 0,
    now: () => clock.seconds,
    stop: () => false,
    check: () => {},
    onCandidate: () => {},
  };
}
