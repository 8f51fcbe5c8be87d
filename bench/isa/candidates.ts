/** Compiles the candidates of a config's ops for a GPU that is not there, whatever the driver does. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { UserError } from "../../core/host/errors.ts";
import type { Candidate, Job, Line } from "./compile.ts";
import type { ShaderReport } from "./kernel_report.ts";
import { linesOf, type NullGpu, runThere } from "./null_gpu.ts";

export interface Compiled extends Candidate {
  /** What became of it, or why nothing did. */
  readonly result: { readonly seconds: number; readonly shaders: readonly ShaderReport[] } | {
    readonly failed: string;
  };
  /** The machine code of each shader, where it was asked for. */
  readonly assembly: readonly string[];
}

export interface FamilyReport {
  readonly description: string;
  readonly candidates: readonly Compiled[];
}

type Where = Pick<NullGpu, "driver" | "layer">;
const DIED = "the driver died while compiling it";

/** Throws `UserError` where the driver opens no such GPU. `onProgress` hears what share is done. */
export async function compileFor(
  where: Where,
  wanted: Omit<Job, "output" | "from">,
  folder: string,
  onProgress: (done: number) => void,
): Promise<FamilyReport> {
  const own = mkdtempSync(`${folder}/${wanted.gpu.family}-`),
    output = `${own}/lines.jsonl`,
    pipelines = `${own}/pipelines`;
  const lines = () => linesOf(output).map((line): Line => JSON.parse(line));
  const timer = setInterval(() => {
    const all = lines(), device = all.find((line) => line.event === "device");
    if (device !== undefined) onProgress(all.filter(({ event }) => event === "begin").length / device.count);
  }, 500);
  try {
    for (let from = 0;;) {
      rmSync(pipelines, { recursive: true, force: true });
      mkdirSync(pipelines);
      writeFileSync(`${own}/job.json`, JSON.stringify({ ...wanted, output, from }));
      const told = await runThere({ ...where, pipelines }, wanted.gpu.family, "bench/isa/compile.ts", [
        `${own}/job.json`,
      ]);
      const all = lines(), last = all.at(-1);
      if (last?.event === "done") return reportOf(all);
      if (last?.event === "refused") throw new UserError(last.message);
      if (last?.event !== "begin") throw new UserError(`Cannot compile for ${wanted.gpu.family}: ${reason(told)}`);
      from = last.candidate.index + 1;
    }
  } finally {
    clearInterval(timer);
    rmSync(own, { recursive: true, force: true });
  }
}

/** What the child or the driver says last, of all that it says. */
const reason = (told: string) =>
  told.split("\n").filter((line) => /error|cannot|unknown|fail/i.test(line)).at(-1)?.trim() ??
    "the driver ends the process";

function reportOf(lines: readonly Line[]): FamilyReport {
  const device = lines.find((line) => line.event === "device"), compiled: Compiled[] = [];
  for (const line of lines) {
    if (line.event === "begin") compiled.push({ ...line.candidate, result: { failed: DIED }, assembly: [] });
    const at = compiled.length - 1;
    if (line.event === "failed") compiled[at] = { ...compiled[at]!, result: { failed: line.reason } };
    if (line.event === "end") {
      const { seconds, shaders, assembly = [] } = line;
      compiled[at] = { ...compiled[at]!, result: { seconds, shaders }, assembly };
    }
  }
  return { description: device?.description ?? "", candidates: compiled };
}
