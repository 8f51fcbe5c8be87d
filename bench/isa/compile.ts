/**
 * The part that runs on a GPU that is not there: compiles the candidates of the ops that the parent asks for, and writes
 * a line of JSON for each. A driver that dies takes this process with it; the parent reads how far it came.
 *
 * `node scripts/run.mjs bench/isa/compile.ts JOB`, JOB a file that holds a `Job`; $PIPELINE_DIR is where the layer writes.
 */
import { appendFileSync, existsSync, readFileSync, rmSync } from "node:fs";
import process from "node:process";
import { loadConfig } from "../../configs/load.ts";
import { convOps } from "../../cli/conv_ops.ts";
import { selectOps } from "../../cli/select_ops.ts";
import { openProbed } from "../../core/device/device.ts";
import { matrixConfigs } from "../../core/device/probe_matrix.ts";
import { pipelineFor } from "../../core/device/pipeline.ts";
import type { Op } from "../../core/graph/op.ts";
import { firstLine, UserError } from "../../core/host/errors.ts";
import { bytesOf } from "../../core/graph/tensor.ts";
import { defaultTuner } from "../../core/graph/tuner.ts";
import type { Stages } from "../../kernels/kernel.ts";
import { layOutPrograms } from "../../training/lay_out_programs.ts";
import type { Gpu } from "./gpus.ts";
import { likelySeconds, type ShaderReport, shaderReport } from "./kernel_report.ts";

export interface Job {
  readonly gpu: Gpu;
  readonly configs: readonly string[];
  readonly settings: readonly string[];
  readonly conv: string | null;
  /** Of the ops, only those whose labels match it. */
  readonly only: string | null;
  /** Of the candidates, only the default. */
  readonly defaults: boolean;
  readonly matrix: boolean;
  /** Keep the machine code of candidates. */
  readonly show: boolean;
  /** Where lines go: first "begin", then "end" or "failed" of each candidate. */
  readonly output: string;
  /** Candidates to leave out: those before, and the one that ended the process. */
  readonly from: number;
}

export interface Candidate {
  readonly index: number;
  readonly op: string;
  readonly kernel: string;
  readonly tuning: unknown;
  readonly isDefault: boolean;
}

export type Line =
  | { readonly event: "device"; readonly description: string; readonly count: number }
  | { readonly event: "begin"; readonly candidate: Candidate }
  | { readonly event: "failed"; readonly index: number; readonly reason: string }
  | {
    readonly event: "end";
    readonly index: number;
    readonly seconds: number;
    readonly shaders: readonly ShaderReport[];
    readonly assembly?: readonly string[];
  }
  /** What a user got wrong. */
  | { readonly event: "refused"; readonly message: string }
  | { readonly event: "done" };

const job: Job = JSON.parse(readFileSync(process.argv[2]!, "utf8"));
const write = (line: Line) => appendFileSync(job.output, `${JSON.stringify(line)}\n`);

async function opsOf(name: string): Promise<readonly Op[]> {
  const config = await loadConfig(name, [...job.settings]);
  const programs = await layOutPrograms(context, config, {
    mode: "train",
    microBatch: config.training.batch,
    tuner: defaultTuner(context.limits),
  });
  return programs.flatMap(({ layout }) => layout.chosen.map(({ op }) => op));
}

async function ops(): Promise<readonly Op[]> {
  if (job.conv !== null) return convOps(job.conv);
  const all: Op[] = [];
  for (const name of job.configs) all.push(...await opsOf(name));
  return all;
}

/** The layer numbers pipelines from 0 on, in the order of their creation. */
let pipelines = 0;
const known = new Map<string, { report: ShaderReport; assembly: string }>();

async function compile(label: string, { code, workgroups }: Stages["dispatches"][number]["shader"]) {
  const key = `${workgroups}\n${code}`, before = known.get(key);
  if (before !== undefined) return before;
  await pipelineFor(context.device, label, code);
  const file = (end: string) => `${process.env["PIPELINE_DIR"]}/${pipelines}.${end}`;
  if (!existsSync(file("json"))) throw new Error("the driver told nothing of it");
  const assembly = readFileSync(file("asm"), "utf8");
  const report = shaderReport({ code, workgroups }, readFileSync(file("json"), "utf8"), assembly, job.gpu);
  for (const end of ["json", "asm"]) rmSync(file(end));
  pipelines++;
  const result = { report, assembly: job.show ? assembly : "" };
  known.set(key, result);
  return result;
}

/** Bytes that each dispatch binds. */
function boundBytes({ reads, writes }: Op, { scratch, dispatches }: Stages): number[] {
  return dispatches.map(({ bindings }) =>
    bindings.reduce(
      (sum, { from, index }) =>
        sum + (from === "scratch" ? scratch[index]! : bytesOf((from === "read" ? reads : writes)[index]!)),
      0,
    )
  );
}

/** Matrix units that the driver offers, unproven: nothing is computed here that could be checked. */
const context = await openProbed(
  { matrix: job.matrix },
  (_device, configs, subgroups) => Promise.resolve(matrixConfigs(configs, subgroups)[0] ?? null),
);

/** Those of the definition; 0 for a tuning around another, which multiplies something else. */
const leastProducts = ({ kernel, problem }: Op, tuning: unknown) =>
  "product" in (tuning as object) ? 0 : kernel.cost(problem).flops / 2;

/** Each distinct problem once. */
async function candidates(): Promise<{ op: Op; candidate: Candidate }[]> {
  const problems = new Map<string, Op>();
  for (const op of selectOps(await ops(), job.only)) {
    const problem = JSON.stringify([op.kernel.name, op.problem]);
    if (!problems.has(problem)) problems.set(problem, op);
  }
  return [...problems.values()].flatMap((op) => {
    const tunings = op.kernel.tunings(op.problem, context.limits);
    return (job.defaults ? tunings.slice(0, 1) : tunings).map((tuning, place) => ({
      op,
      tuning,
      isDefault: place === 0,
    }));
  }).map(({ op, ...rest }, index) => ({ op, candidate: { index, op: op.label, kernel: op.kernel.name, ...rest } }));
}

async function compileCandidate(op: Op, { index, tuning }: Candidate): Promise<Line> {
  try {
    const stages = op.kernel.stages(op.problem, tuning), compiled = [];
    for (const { shader } of stages.dispatches) compiled.push(await compile(op.label, shader));
    const shaders = compiled.map(({ report }) => report), assembly = compiled.map((each) => each.assembly);
    const seconds = likelySeconds(shaders, leastProducts(op, tuning), boundBytes(op, stages), job.gpu);
    return { event: "end", index, seconds, shaders, ...(job.show ? { assembly } : {}) };
  } catch (error) {
    return { event: "failed", index, reason: firstLine(error) };
  }
}

const all = await candidates().catch((error): never => {
  if (!(error instanceof UserError)) throw error;
  write({ event: "refused", message: error.message });
  process.exit(1);
});
write({ event: "device", description: context.description, count: all.length });
for (const { op, candidate } of all.slice(job.from)) {
  write({ event: "begin", candidate });
  if (process.env["ALLCNN_ISA_DIES_AT"] === String(candidate.index)) process.abort(); // tests: a driver that dies
  write(await compileCandidate(op, candidate));
}
write({ event: "done" });
process.kill(process.pid, "SIGKILL"); // nothing to close: the device is not there
