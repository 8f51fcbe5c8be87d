/** What the compiler made of the candidates, as text for a terminal. */
import type { Compiled } from "./candidates.ts";
import type { ShaderReport } from "./kernel_report.ts";

/** The shader of a candidate that multiplies, or where none does, the one that keeps the device busiest. */
export function mainShader(shaders: readonly ShaderReport[]): ShaderReport {
  const busy = ({ cycles, workgroups, threads }: ShaderReport) =>
    Math.max(...Object.values(cycles)) * workgroups * threads;
  const multiply = shaders.filter(({ loop }) => loop !== null);
  return [...multiply.length > 0 ? multiply : shaders].sort((a, b) => busy(b) - busy(a))[0]!;
}

const HEAD = ["op", "tuning", "us", "reg", "spill", "occ", "lds", "lanes", "prod", "arith", "wgmem", "global"];

/** One word for each field of a tuning that is not its family: "winograd 4 tiled 16 128x96 8x3". */
export function tuningWords(tuning: unknown): string {
  if (typeof tuning !== "object" || tuning === null) return String(tuning);
  return Object.entries(tuning).map(([name, value]) =>
    name === "family" ? String(value) : typeof value === "object" ? tuningWords(value) : `${name}=${value}`
  ).join(" ") || "-";
}

const percent = (share: number) => `${Math.round(100 * share)} %`;

function cellsOf({ op, tuning, isDefault, result }: Compiled): string[] {
  const name = [isDefault ? op : "", tuningWords(tuning)];
  if ("failed" in result) return [...name, result.failed];
  const { registers, spills, occupancy, workgroupMemory, subgroupSize, loop } = mainShader(result.shaders);
  const bounds = loop === null
    ? ["", "", "", ""]
    : [percent(loop.productShare), ...Object.values(loop.perProduct).map((each) => each.toFixed(2))];
  const microseconds = (1e6 * result.seconds).toFixed(result.seconds < 1e-4 ? 1 : 0);
  return [
    ...name,
    microseconds,
    ...[registers, spills, occupancy, workgroupMemory, subgroupSize].map(String),
    ...bounds,
  ];
}

/** Candidates of each op by their likely time; `most` of an op, the default always first. */
export function table(compiled: readonly Compiled[], most: number): string {
  const ops = [...new Set(compiled.map(({ op }) => op))];
  const time = ({ result }: Compiled) => "failed" in result ? Infinity : result.seconds;
  const rows = ops.flatMap((op) => {
    const all = compiled.filter((each) => each.op === op), [first] = all.filter(({ isDefault }) => isDefault);
    const others = all.filter((each) => each !== first).sort((a, b) => time(a) - time(b));
    const failed = others.filter(({ result }) => "failed" in result).slice(0, 1); // one tells why
    return [...first === undefined ? [] : [first], ...new Set([...others.slice(0, most - 1), ...failed])];
  }).map(cellsOf);
  const all = [HEAD, ...rows];
  const widths = HEAD.map((_, column) =>
    Math.max(...all.filter((row) => row.length === HEAD.length).map((row) => row[column]!.length))
  );
  return all.map((row) =>
    row.map((cell, column) => column < 2 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)).join("  ")
      .trimEnd()
  ).join("\n");
}

export const LEGEND = `\
us       microseconds that the op is likely to take on the card, from what follows; the first row of an op is its default
reg      vector registers of a lane; spill: registers kept in memory instead; occ: subgroups that fit on a SIMD at once
lds      bytes of workgroup memory; lanes: of a subgroup
prod     of the instructions of the inner loop, those that multiply and add
arith    cycles of a SIMD for one multiply-add of each of its lanes, as arithmetic bounds it: 1 is the peak of float32;
wgmem    the same, as workgroup memory bounds it; global: as the first cache does. The largest of the three counts`;
