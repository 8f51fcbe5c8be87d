/** Learning curves that grow while a training runs. */
import { type Axis, epochAxis, formatTicks, valueAxis } from "../report/axis.ts";
import type { EpochMetrics } from "../report/metrics.ts";
import type { LiveInfo } from "../serve/protocol.ts";
import { byId, element } from "./element.ts";

type Split = "train" | "test";
interface Panel {
  readonly title: string;
  readonly value: (row: EpochMetrics, split: Split) => number | null;
  readonly format: (value: number) => string;
}

const PANELS: readonly Panel[] = [
  {
    title: "Loss",
    value: (row, split) => split === "train" ? row.trainLoss : row.testLoss,
    format: (value) => value.toFixed(3),
  },
  {
    title: "Error in %",
    value: (row, split) => split === "train" ? row.trainError : row.testError,
    format: (value) => `${value.toFixed(2)} %`,
  },
];

const WIDTH = 360, HEIGHT = 200, LEFT = 40, RIGHT = 350, TOP = 10, BOTTOM = 176, MOST_DOTS = 40;

/** What is said of the training, and the curves; nothing of a checkpoint without a run. */
export function showCurves({ rows, epochs, state }: LiveInfo): void {
  byId("course").hidden = state === "none";
  const last = rows.at(-1), of = epochs === null ? "" : ` of ${epochs}`;
  const where = last === undefined ? "no epoch is finished yet" : `epoch ${last.epoch}${of} is finished`;
  const speed = last === undefined ? "" : `, ${last.imagesPerSecond.toPrecision(3)} images/s`;
  const says = { training: `Training: ${where}${speed}`, finished: `The training has ended: ${where}`, none: "" };
  byId("course-note").textContent = state === "stopped" ? `Nothing trains here now: ${where}` : says[state];
  byId("course-note").classList.toggle("live", state === "training");
  byId("curves").replaceChildren(...figuresOf(rows));
}

/** Loss and error of a training; nothing before its first epoch has ended. */
export const figuresOf = (rows: readonly EpochMetrics[]): HTMLElement[] =>
  rows.length === 0 ? [] : PANELS.map((panel) => figureOf(panel, rows));

function figureOf({ title, value, format }: Panel, rows: readonly EpochMetrics[]): HTMLElement {
  const points = (split: Split) =>
    rows.flatMap((row) => {
      const at = value(row, split);
      return at === null || !Number.isFinite(at) ? [] : [[row.epoch, at] as const];
    });
  const curves = (["train", "test"] as const).map((split) => ({ split, points: points(split) }));
  const largest = curves.flatMap(({ points }) => points).reduce((most, [, at]) => Math.max(most, at), 0);
  const x = epochAxis(rows.map(({ epoch }) => epoch), LEFT, RIGHT), y = valueAxis(largest, BOTTOM, TOP);
  const legend = curves.map(({ split, points }) =>
    element("span", { className: `key ${split}` }, `${split} ${points.length > 0 ? format(points.at(-1)![1]) : "–"}`)
  );
  const svg = svgElement("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${title} by epoch` });
  svg.append(...axesOf(x, y), ...curves.flatMap(({ split, points }) => curveOf(points, x, y, split)));
  return element("figure", {}, element("figcaption", {}, element("strong", {}, title), ...legend), svg);
}

function axesOf(x: Axis, y: Axis): SVGElement[] {
  const labels = formatTicks(y.ticks);
  return [
    ...y.ticks.flatMap((tick, index) => {
      const at = y.at(tick);
      return [
        svgElement("line", { x1: LEFT, x2: RIGHT, y1: at, y2: at, class: tick === 0 ? "axis" : "grid" }),
        textAt(LEFT - 6, at + 4, labels[index]!, "end"),
      ];
    }),
    ...x.ticks.map((tick) => textAt(x.at(tick), BOTTOM + 18, String(tick), "middle")),
  ];
}

function curveOf(points: readonly (readonly [number, number])[], x: Axis, y: Axis, split: Split): SVGElement[] {
  const places = points.map(([epoch, value]) => [x.at(epoch).toFixed(1), y.at(value).toFixed(1)] as const);
  const dots = places.length > MOST_DOTS
    ? []
    : places.map(([cx, cy]) => svgElement("circle", { cx, cy, r: 2.5, class: split }));
  return [svgElement("polyline", { points: places.join(" "), class: split }), ...dots];
}

function svgElement(tag: string, attributes: Readonly<Record<string, string | number>>): SVGElement {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  return made;
}

function textAt(x: number, y: number, content: string, anchor: string): SVGElement {
  const made = svgElement("text", { x, y, "text-anchor": anchor });
  made.textContent = content;
  return made;
}
