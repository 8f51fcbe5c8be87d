/** All runs in one picture, on a logarithmic axis, to be pointed at and enlarged: test errors over epochs, losses over steps. */
import { epochAxis, niceStep, niceTicks } from "./axis.ts";
import { SERIES } from "./colours.ts";
import { escaped } from "./html.ts";
import { mean, type TrainedRun } from "./trained_run.ts";

const WIDTH = 640, HEIGHT = 340, FRAME = { left: 44, right: 628, top: 12, bottom: 296 } as const;

/** Rows of a logarithmic axis: 9 and 10 % lie apart as 45 and 50 % do. */
const STEPS = [1, 1.5, 2, 3, 5, 7];

/** The script of the picture: what the pointer is over is told below it; a drag enlarges, a double click shows all. */
const SCRIPT = `
for (const figure of document.querySelectorAll("figure.overlay")) {
  const svg = figure.querySelector("svg"), output = figure.querySelector("output"), line = svg.querySelector(".pointer");
  const runs = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
  const whole = svg.getAttribute("viewBox"), at = (event) => {
    const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    return [x, y];
  };
  let from = null;
  const show = (box) => {
    svg.setAttribute("viewBox", box);
    svg.style.setProperty("--size", box.split(" ")[2] / whole.split(" ")[2]);
  };
  svg.onpointermove = (event) => {
    const [x] = at(event), places = runs.flatMap((run) => run.points.map(([epoch, , px]) => [Math.abs(px - x), epoch, px]));
    const [, epoch, px] = places.sort((a, b) => a[0] - b[0])[0];
    line.setAttribute("x1", px), line.setAttribute("x2", px);
    const { across, unit, digits } = figure.dataset;
    // Runs share epochs; steps are those of the clock, so of each run the nearest is told.
    const near = ({ points }) => across === "epoch" ? points.filter((point) => point[0] === epoch) :
      [points.reduce((best, point) => Math.abs(point[0] - epoch) < Math.abs(best[0] - epoch) ? point : best)];
    output.textContent = across + " " + epoch + ": " + runs.flatMap((run) =>
      near(run).map((point) => run.name + " " + point[1].toFixed(digits) + unit)).join(", ");
  };
  svg.onpointerdown = (event) => { from = at(event); svg.setPointerCapture(event.pointerId); };
  svg.onpointerup = (event) => {
    const to = at(event), [a, b] = [from, to];
    if (a === null || Math.abs(a[0] - b[0]) < 8 || Math.abs(a[1] - b[1]) < 8) return from = null;
    show([Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.abs(a[0] - b[0]), Math.abs(a[1] - b[1])].join(" "));
    from = null;
  };
  svg.ondblclick = () => show(whole);
}`;

/** How it looks; `--size` is how much of the picture is shown, so that text and lines keep their size. */
export const OVERLAY_STYLE = `figure.overlay{max-width:60rem}figure.overlay svg{touch-action:none;cursor:crosshair;
aspect-ratio:${WIDTH}/${HEIGHT};
font-size:calc(11px*var(--size,1))}figure.overlay circle{r:calc(2.2px*var(--size,1))}figure.overlay path,figure.overlay line{vector-effect:non-scaling-stroke}
figure.overlay path{stroke-width:1.8}.pointer{stroke:var(--soft);stroke-dasharray:2 2}
figure.overlay output{display:block;min-height:3em;font-size:.85rem;color:var(--soft)}
${
  SERIES.map((_, i) =>
    `path.run${i}{stroke:var(--rate${i})}circle.run${i}{fill:var(--rate${i})}
span.run${i}::before{color:var(--rate${i})}`
  ).join("\n")
}`;

/** What the axes of a figure are. */
interface About {
  readonly title: string;
  /** Read by screen readers. */
  readonly label: string;
  readonly across: "epoch" | "step";
  readonly unit: string;
  readonly digits: number;
  readonly low: number;
}

/** More points than this are a line alone. */
const DOTS = 60;

interface Series {
  readonly name: string;
  readonly points: readonly (readonly [number, number])[];
}

const nameOf = ({ folder }: TrainedRun) => folder.split("/").at(-1)!;

/** Test errors of runs as HTML; empty with fewer than two runs that have one. */
export function errorsFigure(runs: readonly TrainedRun[]): string {
  const drawn = runs.filter(({ measures }) => measures === "test").map((run): Series => ({
    name: nameOf(run),
    points: run.rows.flatMap(({ epoch, testError }) => testError === null ? [] : [[epoch, testError] as const]),
  })).filter(({ points }) => points.length > 0);
  const label = "Test error in percent over epochs of all runs, logarithmic", across = "epoch";
  return drawn.length < 2
    ? ""
    : figureOf({ title: "All runs beside one another", label, across, unit: " %", digits: 2, low: 0.01 }, drawn);
}

/** More points of a run than this are drawn as means of neighbours. */
const MOST_POINTS = 400;

/** Losses of training as HTML; empty where no run knows of its steps. */
export function lossesFigure(runs: readonly TrainedRun[]): string {
  const drawn = runs.filter(({ stepRows }) => stepRows.length > 1).map((run): Series => {
    const each = Math.ceil(run.stepRows.length / MOST_POINTS);
    const parts = Array.from(
      { length: Math.ceil(run.stepRows.length / each) },
      (_, n) => run.stepRows.slice(n * each, (n + 1) * each),
    );
    return { name: nameOf(run), points: parts.map((rows) => [rows.at(-1)!.step, mean(rows.map(({ loss }) => loss))]) };
  });
  const label = "Loss of training in nats over steps, logarithmic", across = "step";
  return drawn.length === 0
    ? ""
    : figureOf({ title: "Training loss, step by step", label, across, unit: "", digits: 4, low: 1e-5 }, drawn);
}

/** Where the axis is labelled: by `STEPS`, or where these are too far apart, evenly. */
function ticksOf(low: number, high: number): number[] {
  const within = (ticks: readonly number[]) => ticks.filter((tick) => tick >= low && tick <= high);
  const wide = within(
    [-5, -4, -3, -2, -1, 0, 1].flatMap((power) => STEPS.map((step) => Number((step * 10 ** power).toPrecision(2)))),
  );
  return wide.length > 2 ? wide : niceTicks(low, high, niceStep((high - low) / 5));
}

function figureOf({ title, label, across, unit, digits, low: least }: About, drawn: readonly Series[]): string {
  const all = drawn.flatMap(({ points }) => points), errors = all.map(([, error]) => Math.max(error, least));
  const [low, high] = [errors.reduce((a, b) => Math.min(a, b)) / 1.1, errors.reduce((a, b) => Math.max(a, b)) * 1.05];
  const x = epochAxis([1, all.reduce((most, [at]) => Math.max(most, at), 1)], FRAME.left, FRAME.right);
  const y = (error: number) =>
    FRAME.bottom - (FRAME.bottom - FRAME.top) * Math.log(Math.max(error, least) / low) / Math.log(high / low);
  const ticks = ticksOf(low, high);
  const line = (className: string, x1: number, y1: number, x2: number, y2: number) =>
    `<line class="${className}" x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${
      y2.toFixed(1)
    }"/>`;
  const text = (x: number, y: number, content: string, anchor: string) =>
    `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${escaped(content)}</text>`;
  const colour = (run: number) => `run${run % SERIES.length}`;
  const places = drawn.map(({ name, points }) => ({
    name,
    points: points.map(([epoch, error]) => [epoch, error, Number(x.at(epoch).toFixed(1)), Number(y(error).toFixed(1))]),
  }));
  const svg = [
    ...ticks.flatMap((tick) => [
      line("grid", FRAME.left, y(tick), FRAME.right, y(tick)),
      text(FRAME.left - 7, y(tick) + 4, String(Number(tick.toPrecision(6))), "end"),
    ]),
    ...x.ticks.map((tick) => text(x.at(tick), FRAME.bottom + 18, String(tick), "middle")),
    line("base", FRAME.left, FRAME.bottom, FRAME.right, FRAME.bottom),
    text((FRAME.left + FRAME.right) / 2, FRAME.bottom + 38, across, "middle"),
    line("pointer", -9, FRAME.top, -9, FRAME.bottom),
    ...places.flatMap(({ points }, run) => [
      `<path class="${colour(run)}" d="M${points.map(([, , px, py]) => `${px} ${py}`).join("L")}"/>`,
      ...(points.length > DOTS ? [] : points).map(([, , px, py]) =>
        `<circle class="${colour(run)}" cx="${px}" cy="${py}" r="2.2"/>`
      ),
    ]),
  ];
  const legend = places.map(({ name }, run) => `<span class="${colour(run)}">${escaped(name)}</span>`);
  const data = JSON.stringify(places).replace(/</g, "\\u003c");
  return `<figure class="overlay" data-across="${across}" data-unit="${unit}" data-digits="${digits}"><figcaption>${title} <small>${
    legend.join(" ")
  }</small></figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${label}">
${svg.join("\n")}
</svg><output>Point at the curves to read them; drag to enlarge a part, double click to see all.</output>
<script type="application/json">${data}</script><script>${SCRIPT}</script></figure>`;
}
