/** What the default and the best candidate of each op take on several GPUs, as a table in Markdown. */
import type { Compiled, FamilyReport } from "./candidates.ts";
import type { Gpu } from "./gpus.ts";

type Told = Omit<Compiled, "assembly">;

export interface Found extends Omit<FamilyReport, "candidates"> {
  readonly gpu: Gpu;
  readonly candidates: readonly Told[];
}

const secondsOf = ({ result }: Told) => "failed" in result ? Infinity : result.seconds;
const microseconds = (seconds: number) => (1e6 * seconds).toFixed(seconds < 1e-5 ? 1 : 0);

/** Names of a tuning's families from outside to inside, and the sizes of its tile: "winograd 4 tiled 128x96". */
function shortWords(tuning: unknown): string {
  const { family, tile, product, parts, rows, columns, down, across } = tuning as Readonly<Record<string, unknown>>;
  const words = [
    family,
    tile,
    ...(columns === undefined ? [rows] : [`${rows}x${columns}`]),
    ...(down === undefined ? [] : [`${down}x${across}`]),
    ...(product === undefined ? [] : [shortWords(product)]),
    ...(parts === undefined ? [] : [`in ${parts}`]),
  ];
  return words.filter((word) => word !== undefined).join(" ");
}

/** "592 to 570 (tiled 128x96 8x2)", or one number where the default is the best. */
function cellOf(candidates: readonly Told[]): { text: string; first: number; best: number } {
  const first = candidates.find(({ isDefault }) => isDefault)!,
    best = [...candidates].sort((a, b) => secondsOf(a) - secondsOf(b))[0]!;
  const gain = secondsOf(first) / secondsOf(best), from = microseconds(secondsOf(first));
  const text = gain < 1.02 ? from : `${from} to ${microseconds(secondsOf(best))} (${shortWords(best.tuning)})`;
  return { text, first: secondsOf(first), best: secondsOf(best) };
}

/** Ops that leave no choice are in the sums alone. */
export function markdownTable(found: readonly Found[]): string {
  const ops = [...new Set(found.flatMap(({ candidates }) => candidates.map(({ op }) => op)))];
  const rows = ops.map((op) => ({
    op,
    cells: found.map(({ candidates }) => cellOf(candidates.filter((each) => each.op === op))),
    choice: found.some(({ candidates }) => candidates.filter((each) => each.op === op).length > 1),
  }));
  const sums = found.map((_, index) => {
    const sum = (which: "first" | "best") => rows.reduce((total, { cells }) => total + cells[index]![which], 0);
    return `${microseconds(sum("first"))} to ${microseconds(sum("best"))}`;
  });
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [
    line(["op", ...found.map(({ gpu: { card, family } }) => `${card} (${family})`)]),
    line(["---", ...found.map(() => "---:")]),
    ...rows.filter(({ choice }) => choice).map(({ op, cells }) => line([op, ...cells.map(({ text }) => text)])),
    line(["all ops of a step", ...sums]),
    "",
  ].join("\n");
}
