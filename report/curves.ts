import { type Axis, epochAxis, formatTicks, valueAxis } from "./axis.ts";
import { SPLITS } from "./colours.ts";
import { escaped } from "./html.ts";
import type { EpochMetrics } from "./metrics.ts";
import { FONT_FAMILY, svgToPng } from "./png.ts";

const WIDTH = 1200;
const HEIGHT = 480;
const PANEL = { width: 504, top: 106, bottom: 428 } as const;
const LEFT = [68, 668] as const; // the left edges of the two panels
const COLORS = { train: SPLITS.train[0], test: SPLITS.test[0] } as const; // on white
const INK = "#1f2933";
const GRAY = "#6b7785";
const FAINT = "#e3e7ec";
const LEGEND_STEP = 134; // the widest entry is "train 100.00 %"
const MAX_DOTS = 40; // with more points than that a dot on each hides the line
const MAX_RATES = 12; // a rate that changes more often is a smooth schedule: lines would only be a hatching
const RATE_LABEL_WIDTH = 60;

type Point = readonly [epoch: number, value: number];

/**
 * Draws the learning curves of a run: loss on the left, error on the right, as a PNG of 1200x480 pixels.
 *
 * @param title one line above the panels, Latin letters
 * @param rows the epochs in order; values that are null or not finite are left out
 * @returns the bytes of the PNG file
 * @throws {UserError} the packages that rasterize cannot be read
 */
export function drawCurves(title: string, rows: readonly EpochMetrics[]): Promise<Uint8Array> {
  return svgToPng(curvesSvg(title, rows));
}

/** The picture that `drawCurves` rasterizes, as an SVG document of 1200x480 units. */
export function curvesSvg(title: string, rows: readonly EpochMetrics[]): string {
  const last = rows.at(-1);
  const progress = last
    ? `epoch ${last.epoch} · learning rate ${formatRate(last.learningRate)} · ` +
      `${Math.round(last.imagesPerSecond).toLocaleString("en-US")} images/s`
    : "no epoch finished yet";
  const shortTitle = title.length > 70 ? `${title.slice(0, 69)}…` : title;
  const loss = { train: rows.map((row) => row.trainLoss), test: rows.map((row) => row.testLoss) };
  const error = { train: rows.map((row) => row.trainError), test: rows.map((row) => row.testError) };
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" ` +
    `font-family="${FONT_FAMILY}" font-size="13" fill="${GRAY}">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    text(LEFT[0], 38, shortTitle, `font-size="20" font-weight="600" fill="${INK}"`),
    text(LEFT[1] + PANEL.width, 38, progress, `text-anchor="end"`),
    panel(LEFT[0], "Loss", rows, loss, formatLoss),
    panel(LEFT[1], "Error in %", rows, error, (value) => `${value.toFixed(2)} %`),
    `</svg>`,
  ].join("\n");
}

/** One panel: frame, axes, learning rates, the curves of both splits and a legend with their last values. */
function panel(
  left: number,
  name: string,
  rows: readonly EpochMetrics[],
  values: Readonly<Record<"train" | "test", readonly (number | null)[]>>,
  format: (value: number) => string,
): string {
  const right = left + PANEL.width;
  const curves = (["train", "test"] as const).map((split) => ({ split, points: points(rows, values[split]) }));
  const shown = curves.flatMap((curve) => curve.points.map(([, value]) => value));
  const x = epochAxis(rows.map((row) => row.epoch), left, right);
  const y = valueAxis(shown.reduce((a, b) => Math.max(a, b), 0), PANEL.bottom, PANEL.top);
  const yLabels = formatTicks(y.ticks);
  const svg = [text(left, 76, name, `font-size="15" font-weight="600" fill="${INK}"`)];

  for (const [i, tick] of y.ticks.entries()) {
    svg.push(line(left, y.at(tick), right, y.at(tick), tick === 0 ? GRAY : FAINT));
    svg.push(text(left - 9, y.at(tick) + 4.5, yLabels[i]!, `text-anchor="end"`));
  }
  for (const tick of x.ticks) {
    svg.push(line(x.at(tick), PANEL.bottom, x.at(tick), PANEL.bottom + 5, GRAY));
    svg.push(text(x.at(tick), PANEL.bottom + 21, String(tick), `text-anchor="middle"`));
  }
  svg.push(text((left + right) / 2, PANEL.bottom + 42, "epoch", `text-anchor="middle"`));
  svg.push(learningRates(rows, x, right));

  for (const [i, { split, points }] of curves.entries()) {
    const color = COLORS[split];
    svg.push(...curve(points, x, y, color));
    const value = points.at(-1)?.[1];
    const at = right - (2 - i) * LEGEND_STEP + 20;
    svg.push(`<circle cx="${at + 6}" cy="71.5" r="4.5" fill="${color}"/>`);
    svg.push(text(at + 16, 76, split, `fill="${INK}"`));
    const attributes = `text-anchor="end" font-weight="600" fill="${color}"`;
    svg.push(text(right - (1 - i) * LEGEND_STEP, 76, value === undefined ? "–" : format(value), attributes));
  }
  return svg.join("\n");
}

/** Faint lines where the learning rate changes, halfway between two epochs, and the rates above the frame. */
function learningRates(rows: readonly EpochMetrics[], x: Axis, right: number): string {
  const changes = rows.slice(1).flatMap((row, i) => {
    const previous = rows[i]!;
    const at = x.at((previous.epoch + row.epoch) / 2);
    return row.learningRate === previous.learningRate ? [] : [{ at, rate: row.learningRate }];
  });
  if (changes.length === 0 || changes.length > MAX_RATES) return "";
  const svg = changes.map(({ at }) => line(at, PANEL.top, at, PANEL.bottom, "#b8c1cc", `stroke-dasharray="3 3"`));
  let free = 0; // where the label before ends: one that would run into it is left out
  for (const { at, rate } of [{ at: x.at(rows[0]!.epoch), rate: rows[0]!.learningRate }, ...changes]) {
    const start = Math.min(at, right - RATE_LABEL_WIDTH);
    if (start < free) continue;
    svg.push(text(start, PANEL.top - 8, `lr ${formatRate(rate)}`, `font-size="11"`));
    free = start + RATE_LABEL_WIDTH;
  }
  return svg.join("\n");
}

/** A line through the points, and dots where they are few. */
function curve(points: readonly Point[], x: Axis, y: Axis, color: string): string[] {
  const places = points.map(([epoch, value]) => [x.at(epoch).toFixed(2), y.at(value).toFixed(2)] as const);
  const svg = [
    `<polyline points="${places.join(" ")}" fill="none" stroke="${color}" stroke-width="1.8" ` +
    `stroke-linejoin="round" stroke-linecap="round"/>`,
  ];
  if (points.length > MAX_DOTS) return svg;
  return [...svg, ...places.map(([cx, cy]) => `<circle cx="${cx}" cy="${cy}" r="3" fill="${color}"/>`)];
}

function points(rows: readonly EpochMetrics[], values: readonly (number | null)[]): Point[] {
  return values.flatMap((value, i): Point[] => Number.isFinite(value) ? [[rows[i]!.epoch, value!]] : []);
}

function formatLoss(loss: number): string {
  return loss !== 0 && (loss < 1e-3 || loss >= 1e5) ? loss.toExponential(2).replace("e+", "e") : loss.toFixed(3);
}

function formatRate(rate: number): string {
  return String(Number(rate.toPrecision(3)));
}

function line(x1: number, y1: number, x2: number, y2: number, color: string, attributes = ""): string {
  const [a, b, c, d] = [x1, y1, x2, y2].map((value) => value.toFixed(2));
  return `<line x1="${a}" y1="${b}" x2="${c}" y2="${d}" stroke="${color}" ${attributes}/>`;
}

function text(x: number, y: number, content: string, attributes: string): string {
  return `<text x="${x.toFixed(2)}" y="${y.toFixed(2)}" ${attributes}>${escaped(content)}</text>`;
}
