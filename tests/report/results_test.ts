import { test } from "uvu";
import * as assert from "uvu/assert";
import { PAPER_CONFIGS, TABLE_3, TABLE_4 } from "../../report/paper_results.ts";
import { type Results, resultTables } from "../../report/result_tables.ts";
import { resultsMarkdown } from "../../report/results_markdown.ts";
import { errorsFigure, lossesFigure } from "../../report/overlay_figure.ts";
import { resultsPage } from "../../report/results_page.ts";
import { curvesFigure } from "../../report/run_curves.ts";
import { runsTable } from "../../report/runs_table.ts";
import type { Cell, Table } from "../../report/table.ts";
import { byHeldOutError, byTestError, deviation, mean, settingsOf, type TrainedRun } from "../../report/trained_run.ts";
import { loadConfig } from "../../configs/load.ts";
import { syntheticRows, syntheticRun } from "./_synthetic_runs.ts";

const results = (runs: readonly TrainedRun[]): Results => ({
  runs,
  parameters: { "allcnn-c": 1_369_738 },
  warnings: [],
});

const tableOf = (title: string, runs: readonly TrainedRun[]): Table =>
  resultTables(results(runs)).find((table) => table.title === title)!;

/** The cells of the row that names `config`, by the head of their column; of two of the same name, the first. */
function rowOf({ head, blocks }: Table, config: string): Record<string, Cell> {
  const rows = blocks.flatMap(({ rows }) => rows);
  const row = rows.find(([name]) => name!.text === config || name!.small?.includes(config))!;
  return Object.fromEntries(row.map((cell, i) => [head[i]!, cell] as const).reverse());
}

const texts = (row: Record<string, Cell>, ...names: readonly string[]) => names.map((name) => row[name]!.text);

test("the paper's numbers: twelve networks of Table 3, the best of Table 4, and each config says the same", async () => {
  assert.equal(TABLE_3.map(({ rows }) => rows.map(({ testError }) => testError)), [
    ["12.47", "13.46", "10.21", "10.30"],
    ["10.20", "10.98", "9.33", "9.10"],
    ["9.74", "10.19", "9.31", "9.08"],
  ]);
  const own = TABLE_4.flatMap(({ rows }) => rows).filter(({ config }) => config !== null);
  assert.equal(own.map(({ testError }) => testError), ["9.08", "7.25", "33.71", "4.41"]);
  assert.is(PAPER_CONFIGS.length, 16);
  for (const { config, testError } of [...TABLE_3, ...TABLE_4].flatMap(({ rows }) => rows)) {
    if (config !== null) assert.is((await loadConfig(`configs/${config}.yaml`)).paper!.testError, Number(testError));
  }
});

test("mean, and deviation with n - 1 in the denominator", () => {
  assert.is(mean([9, 10, 14]), 11);
  assert.ok(Math.abs(deviation([9, 10, 14])! - Math.sqrt((4 + 1 + 9) / 2)) < 1e-12);
  assert.is(deviation([9]), null);
});

test("errors stand in the rows of their networks; what was not run is a dash", () => {
  const runs = [9, 10, 14].map((error, seed) => syntheticRun("allcnn-c", error, { seed }));
  const table = tableOf("Table 3", [...runs, syntheticRun("strided-a", 13.5)]),
    names = ["Paper", "Ours", "Rate", "Seeds"];
  assert.equal(texts(rowOf(table, "allcnn-c"), ...names), ["9.08 %", "11.00 ± 2.65 %", "0.05", "3"]);
  assert.equal(texts(rowOf(table, "strided-a"), ...names), ["13.46 %", "13.50 %", "0.05", "1"]);
  assert.equal(texts(rowOf(table, "strided-b"), ...names, "Epochs"), ["10.98 %", "—", "—", "—", "—"]);
  assert.equal(texts(rowOf(table, "allcnn-c"), "Paper’s parameters", "Our parameters"), ["≈ 1.4 M", "1,369,738"]);
  assert.equal(table.blocks.map(({ rows }) => rows.length), [4, 4, 4]);
  assert.is(texts(rowOf(tableOf("Table 4", runs), "allcnn-c"), "Ours")[0], "11.00 ± 2.65 %");
  assert.is(texts(rowOf(tableOf("Table 4", runs), "allcnn-c-augmented"), "Ours")[0], "—");
  assert.equal(texts(rowOf(tableOf("Table 4", runs), "dasNet"), "Paper", "Ours", "Rate"), ["9.22 %", "", ""]);
  assert.equal(texts(rowOf(tableOf("ImageNet", runs), "allcnn-b-imagenet"), "Paper", "Ours"), ["41.2 %", "—"]);
});

test("a number of the paper that is not certain has a footnote", () => {
  const table = tableOf("Table 4", []), notes = (name: string, column: string) => rowOf(table, name)[column]!.footnotes;
  assert.equal(notes("allcnn-c", "Paper"), []);
  assert.match(notes("dasNet", "Paper")![0]!, "list of published results");
  assert.match(notes("Spatially sparse CNN", "Paper")![0]!, "not checked against the paper");
  assert.match(resultsPage(results([])), /<td>9\.22 %<sup>b<\/sup><\/td>/);
  assert.match(resultsMarkdown(results([])), "| 9.22 %<sup>b</sup> |");
});

test("unfinished, diverged, failed and repeated runs are marked, and in no mean", () => {
  const runs = [
    syntheticRun("base-a", 13),
    syntheticRun("base-a", 5, { seed: 1, state: "unfinished", rows: syntheticRows(7, 5) }),
    syntheticRun("base-a", 90, { seed: 2, state: "diverged", reason: "stuck at chance" }),
    syntheticRun("base-a", 90, { seed: 3, state: "failed", rows: [] }),
    syntheticRun("base-a", 3, { folder: "again" }), // seed 0 too
  ];
  const row = rowOf(tableOf("Table 3", runs), "base-a");
  assert.equal(texts(row, "Ours", "Seeds"), ["13.00 %", "1"]);
  assert.equal(row["Ours"]!.small, ["1 unfinished", "1 diverged", "1 failed"]);
  const states = runsTable(runs).blocks[0]!.rows.map((row) => [row.at(-1)!.text, ...row.at(-1)!.small!]);
  assert.equal(states, [
    ["finished"],
    ["unfinished"],
    ["diverged", "stuck at chance"],
    ["failed"],
    ["finished", "the same seed again: not counted"],
  ]);
  const alone = rowOf(tableOf("Table 3", runs.slice(1, 2)), "base-a");
  assert.equal([...texts(alone, "Ours", "Epochs"), ...alone["Ours"]!.small!], ["—", "7 of 350", "1 unfinished"]);
});

test("both protocols: the rate by test error, and the rate by held-out error with its own test error", () => {
  const grid = [[0.1, 9.5, 9.0], [0.05, 9.2, 9.6], [0.01, 11, 12]] as const;
  const runs = grid.flatMap(([learningRate, error, heldOut]) => [
    syntheticRun("base-b", error, { learningRate }),
    syntheticRun("base-b", heldOut, { learningRate, measures: "heldOut" }),
  ]);
  const [setting] = settingsOf(runs);
  assert.equal(byTestError(setting!), { learningRate: 0.05, compared: [0.1, 0.05, 0.01], errors: [9.2] });
  assert.equal(byHeldOutError(setting!), { learningRate: 0.1, compared: [0.1, 0.05, 0.01], errors: [9.5] });
  const row = rowOf(tableOf("Table 3", runs), "base-b");
  assert.equal(texts(row, "Ours", "Rate", "Held out"), ["9.20 %", "0.05", "9.50 %"]);
  assert.equal(row["Rate"]!.small, ["of 0.1, 0.05, 0.01"]);
  // Two seeds of one rate, one of the other.
  const second = syntheticRun("base-b", 9.4, { learningRate: 0.05, seed: 1 });
  const both = rowOf(tableOf("Table 3", [...runs, second]), "base-b");
  assert.equal([...texts(both, "Ours", "Seeds", "Held out"), ...both["Held out"]!.small!], [
    "9.30 ± 0.14 %",
    "2",
    "9.50 %",
    "1 seed",
  ]);
  // A rate at which a seed was lost comes last, whatever the others' mean.
  const lost = syntheticRun("base-b", 90, { learningRate: 0.05, seed: 1, state: "diverged" });
  assert.is(byTestError(settingsOf([...runs, lost])[0]!)!.learningRate, 0.1);
  // Chosen, but the training on all images is missing.
  const missing = runs.filter(({ learningRate, measures }) => learningRate !== 0.1 || measures === "heldOut");
  assert.equal(byHeldOutError(settingsOf(missing)[0]!)!.errors, []);
  assert.equal(texts(rowOf(tableOf("Table 3", missing), "base-b"), "Ours", "Held out"), ["9.20 %", "—"]);
  assert.not(tableOf("Table 3", [syntheticRun("base-b", 9)]).head.includes("Held out"));
});

test("another setting stands in the paper's row only where its own is not finished, and says so; another network never", () => {
  const differences = ["training.epochs: 6 instead of 350"];
  const short = syntheticRun("allcnn-b", 32.4, { differences, rows: syntheticRows(6, 32.4), epochs: 6 });
  const narrow = syntheticRun("allcnn-b", 20, {
    differences: ["network.1.conv.channels: 48 instead of 96"],
    foreign: true,
  });
  const row = rowOf(tableOf("Table 3", [narrow, short]), "allcnn-b");
  assert.equal(texts(row, "Ours", "Epochs"), ["32.40 %", "6"]);
  assert.match(row["Ours"]!.footnotes![0]!, "training.epochs: 6 instead of 350");
  const others = tableOf("Other runs", [narrow, short]).blocks[0]!.rows;
  assert.equal(others.map(([name, ours]) => [name!.text, ours!.text]), [["allcnn-b", "20.00 %"]]);
  const whole = rowOf(tableOf("Table 3", [narrow, short, syntheticRun("allcnn-b", 9.3)]), "allcnn-b");
  assert.equal([whole["Ours"]!.text, whole["Ours"]!.footnotes], ["9.30 %", []]);
  const beside = tableOf("Other runs", [short, syntheticRun("allcnn-b", 9.3)]).blocks[0]!.rows;
  assert.equal(beside.map(([name, ours]) => [...name!.small!, ours!.text]), [[...differences, "32.40 %"]]);
});

test("the page loads nothing, and names out of files are no markup", () => {
  const folder = `runs/<script>alert("a&b")</script>|x`;
  const evil: Results = { ...results([syntheticRun("allcnn-c", 9.4, { folder })]), warnings: ["<img src=x>"] };
  const page = resultsPage(evil), markdown = resultsMarkdown(evil);
  assert.not.match(page, /https?:|src="|href=|url\(|@import|<link|<script|<img/);
  assert.match(page, "runs/&lt;script&gt;alert(&quot;a&amp;b&quot;)&lt;/script&gt;|x");
  assert.match(page, /<meta name="viewport" content="width=device-width/);
  assert.match(page, /@media screen and \(prefers-color-scheme:dark\)[^]*@media print/);
  assert.match(markdown, String.raw`runs/\<script\>alert("a\&b")\</script\>\|x`);
  for (const [, ...lines] of markdown.matchAll(/^\|.*$/gm)) assert.equal(lines, []);
  const widths = markdown.split("\n\n").filter((part) => part.startsWith("|"))
    .map((part) => new Set(part.split("\n").map((line) => line.replace(/\\\|/g, "").split("|").length)).size);
  assert.equal(widths, [1, 1, 1, 1]); // tables whose rows all have as many cells as their heads
});

test("curves: a line of test and of training error per run, in the colour of its rate, through the right points", () => {
  const runs = [0.1, 0.05].map((learningRate) =>
    syntheticRun("base-a", 12, { learningRate, rows: syntheticRows(11, 12, learningRate) })
  );
  const heldOut = syntheticRun("base-a", 50, { measures: "heldOut" });
  const svg = curvesFigure("a <net>", [...runs, heldOut], (rate) => `rate${rate}`.replace(".", ""), 12.47);
  const paths = [...svg.matchAll(/<path class="(\w+) (\w+)" d="M([^"]+)"/g)];
  assert.equal(paths.map(([, split, rate, d]) => [split, rate, d!.split("L").length]), [
    ["train", "rate01", 11],
    ["train", "rate005", 11],
    ["test", "rate01", 11],
    ["test", "rate005", 11],
  ]);
  // The axis of errors goes to 100: 88 % of epoch 1 is 7/8 of the way up, the paper's line near the bottom.
  const place = (line: string) => line.split(" ").map(Number);
  const [first, last] = [paths[2]![3]!.split("L")[0]!, paths[2]![3]!.split("L").at(-1)!].map(place);
  const error = runs[0]!.rows[0]!.testError!;
  assert.ok(Math.abs(first![1]! - (256 - 244 * error / 100)) < 0.1 && Math.abs(last![1]! - (256 - 244 * 0.12)) < 0.1);
  assert.match(svg, "a &lt;net&gt;");
  assert.match(svg, `<line class="paper"`);
  const one = curvesFigure("one", [syntheticRun("base-a", 12, { rows: syntheticRows(1, 12) })], () => "rate0", null);
  assert.match(one, /<circle class="test rate0"/);
  assert.is(curvesFigure("none", [{ ...heldOut, rows: [] }], () => "rate0", null), "");
});

test("all runs in one picture: on its axis 9 and 10 % lie apart as 45 and 50 % do, and names are no markup", () => {
  const folder = "runs/</script><b>", rows = syntheticRows(4, 9);
  const runs = [
    syntheticRun("base-a", 9, { rows, folder }),
    syntheticRun("base-b", 10, { rows: syntheticRows(4, 10) }),
  ];
  const figure = errorsFigure([...runs, syntheticRun("base-c", 50, { measures: "heldOut" })]);
  const json = /<script type="application\/json">(.*?)<\/script>/.exec(figure)![1]!;
  const drawn = JSON.parse(json) as { name: string; points: [number, number, number, number][] }[];
  assert.equal(drawn.map(({ name, points }) => [name, points.length, points.at(-1)![1]]), [["script><b>", 4, 9], [
    "base-b-0.05-0",
    4,
    10,
  ]]);
  assert.not.match(figure, "<b>");
  const wide = errorsFigure(
    [45, 50, 9, 10].map((error) => syntheticRun("base-a", error, { rows: syntheticRows(1, error) })),
  );
  const heights = [...wide.matchAll(/<circle [^>]*cy="([\d.]+)"/g)].map(([, y]) => Number(y));
  assert.ok(Math.abs(heights[0]! - heights[1]! - (heights[2]! - heights[3]!)) < 0.3, heights.join());
  assert.is(errorsFigure(runs.slice(0, 1)), "", "one run has a figure of its own");
});

test("losses of steps: runs that know theirs, thinned to means of neighbours, without a dot for each", () => {
  const stepRows = Array.from({ length: 1000 }, (_, i) => ({ step: 8 * (i + 1), loss: 2 / (i + 1), error: 90 }));
  assert.is(lossesFigure([syntheticRun("base-a", 9)]), "");
  const figure = lossesFigure([syntheticRun("base-a", 9), syntheticRun("base-b", 9, { stepRows })]);
  const [run, ...others] = JSON.parse(/<script type="application\/json">(.*?)<\/script>/.exec(figure)![1]!) as {
    points: number[][];
  }[];
  assert.is(others.length, 0);
  assert.is(run!.points.length, 334);
  assert.equal(run!.points[0]!.slice(0, 2), [24, (2 + 1 + 2 / 3) / 3]);
  assert.is(run!.points.at(-1)![0], 8000);
  assert.not.match(figure, "<circle");
  assert.match(figure, 'data-across="step"');
  const near = lossesFigure([
    syntheticRun("base-b", 9, { stepRows: [2.27, 2.36].map((loss, step) => ({ loss, step, error: 90 })) }),
  ]);
  assert.match(near, /text-anchor="end">2\.2</); // values that lie together are labelled too
});

test.run();
