/** Learning curves of a setting as SVG within a page: its colours are the page's, and so light or dark. */
import { epochAxis, formatTicks, valueAxis } from "./axis.ts";
import { escaped } from "./html.ts";
import type { EpochMetrics } from "./metrics.ts";
import { rateText } from "./setting_cells.ts";
import type { TrainedRun } from "./trained_run.ts";

const WIDTH = 560;
const HEIGHT = 300;
const FRAME = { left: 44, right: 548, top: 12, bottom: 256 } as const;

/**
 * A figure of the test error of each run over its epochs, held-out runs left out; dashed, the training error; dotted, the
 * paper's error in percent, unless it is null. `classOf` names the page's class for the colour of a learning rate. Empty
 * where no run has an epoch.
 */
export function curvesFigure(
  title: string,
  runs: readonly TrainedRun[],
  classOf: (learningRate: number) => string,
  paperError: number | null,
): string {
  const drawn = runs.filter(({ measures, rows }) => measures === "test" && rows.length > 0);
  if (drawn.length === 0) return "";
  const rates = [...new Set(drawn.map(({ learningRate }) => learningRate))].sort((a, b) => b - a);
  const first = Math.min(...drawn.map(({ rows }) => rows[0]!.epoch));
  const last = Math.max(...drawn.map(({ rows }) => rows.at(-1)!.epoch));
  const errors = drawn.flatMap(({ rows }) => rows.flatMap(({ trainError, testError }) => [trainError, testError ?? 0]));
  const x = epochAxis([first, last], FRAME.left, FRAME.right);
  const y = valueAxis([...errors, paperError ?? 0].reduce((a, b) => Math.max(a, b), 0), FRAME.bottom, FRAME.top);
  const labels = formatTicks(y.ticks);

  const line = (className: string, x1: number, y1: number, x2: number, y2: number) =>
    `<line class="${className}" x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${
      y2.toFixed(1)
    }"/>`;
  const text = (x: number, y: number, content: string, anchor: string) =>
    `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${escaped(content)}</text>`;
  const curve = (className: string, rows: readonly EpochMetrics[], key: "trainError" | "testError") => {
    const places = rows.flatMap((row) =>
      row[key] === null ? [] : [`${x.at(row.epoch).toFixed(1)} ${y.at(row[key]!).toFixed(1)}`]
    );
    if (places.length === 1) { // a line through one point shows nothing
      const [cx, cy] = places[0]!.split(" ");
      return `<circle class="${className}" cx="${cx}" cy="${cy}" r="2.5"/>`;
    }
    return places.length === 0 ? "" : `<path class="${className}" d="M${places.join("L")}"/>`;
  };

  const svg = [
    ...y.ticks.flatMap((tick, i) => [
      line(tick === 0 ? "base" : "grid", FRAME.left, y.at(tick), FRAME.right, y.at(tick)),
      text(FRAME.left - 7, y.at(tick) + 4, labels[i]!, "end"),
    ]),
    ...x.ticks.flatMap((tick) => [
      line("base", x.at(tick), FRAME.bottom, x.at(tick), FRAME.bottom + 4),
      text(x.at(tick), FRAME.bottom + 18, String(tick), "middle"),
    ]),
    text((FRAME.left + FRAME.right) / 2, FRAME.bottom + 38, "epoch", "middle"),
    ...paperError === null ? [] : [line("paper", FRAME.left, y.at(paperError), FRAME.right, y.at(paperError))],
    ...drawn.map(({ rows, learningRate }) => curve(`train ${classOf(learningRate)}`, rows, "trainError")),
    ...drawn.map(({ rows, learningRate }) => curve(`test ${classOf(learningRate)}`, rows, "testError")),
  ];
  const legend = [
    ...rates.map((rate) => `<span class="${classOf(rate)}">rate ${rateText(rate)}</span>`),
    ...paperError === null ? [] : [`<span class="paper">paper ${paperError.toFixed(2)} %</span>`],
  ];
  return `<figure><figcaption>${escaped(title)} <small>${legend.join(" ")}</small></figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(`Error in percent over epochs: ${title}`)}">
${svg.join("\n")}
</svg></figure>`;
}
