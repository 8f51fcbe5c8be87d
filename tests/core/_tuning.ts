/** A small convolution whose kernel also offers candidates with a fault, and a fake bench for searches without a GPU. */
import { convForward } from "../../kernels/conv_forward.ts";
import type { ConvForwardProblem } from "../../kernels/conv_forward.ts";
import { PLAIN } from "../../kernels/gather_families.ts";
import { type Kernel, type Limits, type Stages, write } from "../../kernels/kernel.ts";
import { type Op, op } from "../../core/op.ts";
import { tensor } from "../../core/tensor.ts";
import type { Bench } from "../../core/tune_bench.ts";
import { openTuneCache, type TuneCache } from "../../core/tune_cache.ts";
import type { SearchOptions } from "../../core/tune_search.ts";

export const LIMITS: Limits = {
  workgroupInvocations: 256,
  workgroupStorage: 16384,
  bindingBytes: 2 ** 27,
  subgroupSize: null,
  software: false,
  exact: false,
};

/** What a candidate of `faultyConv` does wrong. */
export type Fault =
  | "none"
  | "none, eight rows"
  | "edge"
  | "compile"
  | "workgroup"
  | "scratch"
  | "unwritten"
  | "uninitialized"
  | "generator";

const PROBLEM: ConvForwardProblem = {
  batch: 2,
  height: 6,
  width: 5,
  inChannels: 4,
  outHeight: 6,
  outWidth: 5,
  outChannels: 4,
  kernel: 3,
  stride: 1,
  padding: 1,
  bias: true,
  slope: 0,
};

const withCode = (stages: Stages, edit: (code: string) => string): Stages => ({
  ...stages,
  dispatches: stages.dispatches.map(({ shader, bindings }) => ({
    bindings,
    shader: { ...shader, code: edit(shader.code) },
  })),
});

/** One more thread, which changes one value of the output, at the edge of the first image. */
const wrongPixel = {
  shader: {
    code: `@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(1)
fn main() { y[7] += 0.5; }`,
    workgroups: [1, 1, 1] as const,
  },
  bindings: [write(0)],
};

/** Adds a value of scratch that nothing has written: right only where memory happens to be zero, as it often is. */
const readsScratch = {
  shader: {
    code: `@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<storage, read> scratch: array<f32>;
@compute @workgroup_size(1)
fn main() { y[11] += scratch[3]; }`,
    workgroups: [1, 1, 1] as const,
  },
  bindings: [write(0), { from: "scratch", index: 0 } as const],
};

function broken(stages: Stages, fault: Fault): Stages {
  switch (fault) {
    case "none":
    case "none, eight rows":
      return stages;
    case "edge":
      return { ...stages, dispatches: [...stages.dispatches, wrongPixel] };
    case "compile":
      return withCode(stages, (code) => `${code}\nfn unfinished( {`);
    case "workgroup":
      return withCode(stages, (code) => code.replace(/@workgroup_size\([^)]*\)/, "@workgroup_size(64, 64)"));
    case "scratch":
      return { ...stages, scratch: [2 ** 33] };
    case "unwritten":
      return {
        ...stages,
        dispatches: stages.dispatches.map(({ shader, bindings }) => ({
          bindings,
          shader: { ...shader, workgroups: [shader.workgroups[0] - 1, 1, 1] },
        })),
      };
    case "uninitialized":
      return { scratch: [64], dispatches: [...stages.dispatches, readsScratch] };
    case "generator":
      throw new Error("no such tile");
    default:
      return fault satisfies never;
  }
}

interface FaultyTuning {
  readonly fault: Fault;
}

/** The convolution, which offers one candidate for each fault. */
export function faultyConv(faults: readonly Fault[]): Op {
  const kernel: Kernel<ConvForwardProblem, FaultyTuning> = {
    name: "faulty_conv",
    tunings: () => faults.map((fault) => ({ fault })),
    reference: () => ({ fault: "none" }),
    stages: (problem, { fault }) =>
      broken(convForward.stages(problem, fault === "none, eight rows" ? { ...PLAIN, rows: 8 } : PLAIN), fault),
    cost: convForward.cost,
  };
  const [x, w, b, y] = [[2, 6, 5, 4], [3, 3, 4, 4], [4], [2, 6, 5, 4]].map((shape, index) =>
    tensor("xwby"[index]!, shape)
  );
  return op(kernel, PROBLEM, { label: "faulty/forward", reads: [x!, w!, b!], writes: [y!] });
}

/** A kernel without a device: its only shader's code is what `code` says of a tuning. */
export function fakeOp(label: string, count: number, code: (n: number) => string, problem: unknown = { label }): Op {
  const kernel: Kernel<unknown, { readonly n: number }> = {
    name: "fake",
    tunings: () => Array.from({ length: count }, (_, n) => ({ n })),
    stages: (_, { n }) => ({
      scratch: [],
      dispatches: [{ shader: { code: code(n), workgroups: [1, 1, 1] }, bindings: [write(0)] }],
    }),
    cost: () => ({ flops: 1, bytes: 1 }),
  };
  return op(kernel, problem, { label, reads: [], writes: [tensor("y", [4])] });
}

/** What a fake device would do with a shader. */
export interface Behaviour {
  /** Seconds of a run. */
  readonly run: number;
  /** Seconds of compiling and checking. */
  readonly compile: number;
}

/** Everything a search needs, on a clock that only moves with what the fake device does; `tried` lists the attempts. */
export async function fakeSearch(
  behave: (code: string) => Behaviour,
  { root, scope = "fake device", floorSeconds = 1e-6 }: { root: string; scope?: string; floorSeconds?: number },
): Promise<SearchOptions & { readonly tried: string[]; readonly warnings: string[]; readonly cache: TuneCache }> {
  const tried: string[] = [], warnings: string[] = [];
  let seconds = 0;
  const codeOf = ({ dispatches }: Stages) => dispatches[0]!.shader.code;
  const bench: Bench = {
    expected: { outputs: [{ norm: 1, projections: [1, 1], notFinite: 0 }], inPlace: [false] },
    prefetch: () => {},
    attempt(stages) {
      const { run, compile } = behave(codeOf(stages));
      tried.push(codeOf(stages));
      seconds += compile + 3 * run;
      const runnable = { stages, pipelines: [] };
      return Promise.resolve({ status: "timed", seconds: run, compileSeconds: compile, runnable });
    },
    time(runnables) {
      const runs = runnables.map(({ stages }) => behave(codeOf(stages)).run);
      seconds += runs.reduce((sum, run) => sum + run, 0);
      return Promise.resolve(runs);
    },
    close: () => {},
  };
  return {
    tried,
    warnings,
    limits: LIMITS,
    cache: await openTuneCache(scope, (message) => warnings.push(message), root),
    openBench: () => Promise.resolve(bench),
    floor: () => Promise.resolve(floorSeconds),
    ahead: 0,
    now: () => seconds,
    stop: () => false,
    check: () => {},
    onCandidate: () => {},
  };
}
