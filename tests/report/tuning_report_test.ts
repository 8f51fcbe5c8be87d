import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Outcome } from "../../core/tune/tune_search.ts";
import { emptyEntry, type Row, type TimedRow } from "../../core/tune/tune_entry.ts";
import { tasksOf } from "../../core/tune/tune_task.ts";
import { tuningReport } from "../../report/tuning_report.ts";
import { tunedSeconds, tuningLine, tuningTable, tuningText, whyNotChosen } from "../../report/tuning_table.ts";
import { imaginedOp, LIMITS } from "../core/_tuning.ts";

/** Of one operation, so that the default of 2 ms is 500 operations per second, and the floor is 0.1 ms. */
const PEAKS = { flopsPerSecond: 10_000, bytesPerSecond: 10_000 };

const row = (n: number, status: Row["status"], seconds: number | null, reason = ""): Row => ({
  tuning: { n },
  hash: "",
  status,
  reason,
  seconds,
  samples: seconds === null ? 0 : 5,
  compileSeconds: null,
});

/** Two ops with the same problem: default, winner, a slow one, one rejected, one not tried; and an op without rows. */
async function outcomes(): Promise<Outcome[]> {
  const codes = ["a", "b", "c", "d", "e"];
  const ops = [imaginedOp("a/dw", codes, 1), imaginedOp("b/dw", codes, 1), imaginedOp("c/dw", codes.slice(0, 2))];
  const tasks = await tasksOf(ops, LIMITS);
  const rows = [
    row(0, "timed", 0.002),
    row(1, "timed", 0.0005),
    row(2, "timed", 0.02),
    row(3, "rejected", null, "computes <y> & z wrong"),
  ];
  return tasks.map((task, index) => ({
    task,
    entry: { ...emptyEntry(task, "scope"), ...index === 0 ? { winner: { n: 1 }, rows } : {} },
    measured: 0,
    note: "the budget was used up",
    openingSeconds: null,
  }));
}

test("the table: candidates tried, the winner's time and rate, share of the roofline, gain over the default", async () => {
  const lines = tuningTable(await outcomes(), PEAKS).split("\n").map((line) => line.trim().split(/ {2,}/));
  assert.equal(lines.slice(1), [
    ["a/dw +1", "4/5", "0.500", "0.0", "20.0 %", "4.00x"],
    ["c/dw", "0/2", "-", "-", "-", "-"],
  ]);
  assert.match(tuningLine((await outcomes())[0]!, PEAKS), "4/5 tried, best 0.500 ms, 0.0 GFLOP/s, 20.0 % of");
  const { before, after } = tunedSeconds(await outcomes());
  assert.ok(Math.abs(before - 0.004) < 1e-9 && Math.abs(after - 0.001) < 1e-9); // both ops of that problem
});

test("a tuning as text names its family first, and what lies in it", () => {
  const tuning = { family: "winograd", tile: 4, product: { family: "tiled", rows: 64 } };
  assert.is(tuningText(tuning), "winograd tile=4 product=(tiled rows=64)");
});

test("the page shows every candidate, marks winner and default, and says why others cannot be used", async () => {
  const head = { title: "a <net>", device: "a device", step: [0.004, 0.002], seconds: 12.34, budget: 60 };
  const page = tuningReport(await outcomes(), PEAKS, head);
  assert.match(page, "Tuning: a &lt;net&gt;");
  assert.match(page, "Whole step: 4.000 → 2.000 ms, 2.00x");
  const bars = [...page.matchAll(/<div class="(row[^"]*)".*?<b>([^<]*)<\/b>.*?width:([\d.]+)%/g)];
  assert.equal(bars.map(([, classes, time, width]) => [classes, time, Number(width)]), [
    ["row best", "0.500 ms", 25],
    ["row basis", "2.000 ms", 100],
    ["row cut", "20.000 ms", 100],
  ]);
  assert.match(page, "n=3: <strong>rejected</strong>, computes &lt;y&gt; &amp; z wrong");
  assert.match(page, "Not tried: 1; the budget was used up");
  assert.not.match(page, /https?:|src=|<link|<script/);
});

test("a row faster than the winner says why it was not chosen", async () => {
  const [known] = await outcomes(), { entry } = known!;
  const said = (rows: Row[], n: number) =>
    whyNotChosen({ task: known!.task, entry: { ...entry, rows, winner: { n } } }, rows[1] as TimedRow);
  assert.is(said([row(0, "timed", 0.002), row(1, "timed", 0.0005)], 1), "");
  assert.match(
    said([row(0, "timed", 0.002), row(1, "timed", 0.0019)], 0),
    "ahead of the default by no more than noise",
  );
  assert.match(said([row(0, "timed", 0.002), { ...row(1, "timed", 0.001), samples: 1 }], 0), "timed once");
  const third = [row(0, "timed", 0.002), row(1, "timed", 0.001), row(2, "timed", 0.0015)];
  assert.match(said(third, 2), "not checked often enough");
  const page = tuningReport([{ ...known!, entry: { ...entry, rows: third, winner: { n: 2 } } }], PEAKS, {
    ...{ title: "t", device: "d", step: null, seconds: 1, budget: 1 },
  });
  assert.match(page, "n=1; not checked often enough");
});

test.run();
