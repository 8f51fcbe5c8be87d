/** What a search found, as one page of HTML: a chart of all candidates of each op. It needs nothing from elsewhere. */
import { type Peaks, roofline } from "../core/measure/peaks.ts";
import type { Outcome } from "../core/tune/tune_search.ts";
import { rowOf, type TimedRow, timedRows } from "../core/tune/tune_entry.ts";
import { escaped, htmlPage } from "./html.ts";
import { milliseconds, percent } from "./op_table.ts";
import { chosenRows, gain, type Known, taskName, tunedSeconds, tuningText, whyNotChosen } from "./tuning_table.ts";

export interface ReportHead {
  readonly title: string;
  readonly device: string;
  /** Seconds of the whole step with defaults and with winners, or null. */
  readonly step: readonly number[] | null;
  /** Seconds that the search took, of its budget. */
  readonly seconds: number;
  readonly budget: number;
}

/** Bars end at this multiple of the shortest: much slower candidates would hide the differences that matter. */
const LONGEST = 4;

// Bars are boxes, not SVG, so that their labels keep their size and wrap on a phone.
const STYLE = {
  light: "--bar:#9db4cf;--best:#1a7f4b;--basis:#b3620c",
  dark: "--bar:#4a6484;--best:#3fb877;--basis:#e0913c",
  rules: `body{max-width:60rem}
.chart{position:relative;margin:.5rem 0}
.row{display:grid;grid-template-columns:5.5rem minmax(0,1fr);gap:0 .6rem;align-items:center;margin:.15rem 0}
.row b{text-align:right;font-weight:400;font-variant-numeric:tabular-nums}
.track{position:relative;display:block;height:.6rem}.bar{display:block;height:100%;background:var(--bar)}
.floor{position:absolute;top:-.1rem;bottom:-.1rem;border-left:2px dotted var(--fg)}
.best .bar{background:var(--best)}.basis .bar{background:var(--basis)}.best.basis .bar{background:var(--best)}
.row small{grid-column:2;overflow-wrap:anywhere;line-height:1.3}
.tag{color:var(--best);font-weight:600}.basis .tag{color:var(--basis)}.best .tag{color:var(--best)}
.cut .bar{mask:linear-gradient(90deg,#000 85%,transparent)}
summary{cursor:pointer}li{overflow-wrap:anywhere}`,
};

/** Rows above this number are folded away. */
const SHOWN = 12;

/** A page for any browser. */
export function tuningReport(outcomes: readonly Outcome[], peaks: Peaks, head: ReportHead): string {
  const { title, device, step, seconds, budget } = head, sums = tunedSeconds(outcomes);
  const known = outcomes.reduce((sum, { entry }) => sum + entry.rows.length, 0);
  const all = outcomes.reduce((sum, { task }) => sum + task.candidates.length, 0);
  const facts = [
    device,
    `Peaks: ${(peaks.flopsPerSecond / 1e9).toFixed(1)} GFLOP/s, ${(peaks.bytesPerSecond / 1e9).toFixed(1)} GB/s`,
    `Searched ${seconds.toFixed(1)} s of ${budget}; ${known} of ${all} candidates are known`,
    step === null
      ? `Tuned ops, one by one: ${milliseconds(sums.before)} → ${milliseconds(sums.after)} ms, ${
        gain(sums.before, sums.after)
      }`
      : `Whole step: ${milliseconds(step[0]!)} → ${milliseconds(step[1]!)} ms, ${gain(step[0]!, step[1]!)}`,
  ];
  return htmlPage(
    `Tuning: ${title}`,
    STYLE,
    `<h1>Tuning: ${escaped(title)}</h1>
${facts.map((fact) => `<p>${escaped(fact)}</p>`).join("\n")}
${overview(outcomes, peaks)}
<p class="soft">Green: the winner. Orange: the default. Dotted line: the roofline, the least time that the peaks allow
the definition's operations; algorithms that need fewer may beat it. Bars that fade out go on beyond ${LONGEST} times
the fastest.</p>
${outcomes.map((outcome, index) => section(outcome, peaks, index)).join("\n")}`,
  );
}

function overview(outcomes: readonly Outcome[], peaks: Peaks): string {
  const rows = outcomes.map((known, index) => {
    const { task } = known, { basis, best } = chosenRows(known), cost = task.op.kernel.cost(task.op.problem);
    const cells = best === null ? ["-", "-", "-", "-"] : [
      milliseconds(best.seconds),
      (cost.flops / best.seconds / 1e9).toFixed(1),
      percent(roofline(cost, peaks).seconds, best.seconds),
      basis === null ? "-" : gain(basis.seconds, best.seconds),
    ];
    return `<tr><td><a href="#op${index}">${escaped(taskName(task))}</a></td>${
      cells.map((cell) => `<td>${cell}</td>`).join("")
    }</tr>`;
  });
  return `<div class="scroll"><table><tr><th>Op</th><th>best, ms</th><th>GFLOP/s</th><th>of roofline</th><th>gain</th></tr>
${rows.join("\n")}</table></div>`;
}

function section(outcome: Outcome, peaks: Peaks, index: number): string {
  const { task, entry, note } = outcome, { subject, op } = task, timed = timedRows(entry);
  const floor = roofline(op.kernel.cost(op.problem), peaks), longest = LONGEST * (timed[0]?.seconds ?? 0);
  const bars = timed.map((row) => barOf(outcome, row, floor.seconds, longest));
  const refused = entry.rows.filter(({ status }) => status !== "timed");
  const rest = task.candidates.filter(({ tuning }) => rowOf(entry, tuning) === undefined).length;
  const folded = (rows: readonly string[], summary: string) =>
    rows.length === 0 ? "" : `<details><summary>${summary}</summary>${rows.join("\n")}</details>`;
  return `<section id="op${index}"><h2>${escaped(task.labels.join(", "))}</h2>
<p class="soft">${escaped(subject.kernel)}: ${escaped(subject.reads.join(", "))} → ${
    escaped(subject.writes.join(", "))
  }; bound by ${floor.bound}, floor ${milliseconds(floor.seconds)} ms</p>
<div class="chart">${bars.slice(0, SHOWN).join("\n")}
${folded(bars.slice(SHOWN), `${bars.length - SHOWN} slower`)}</div>
${
    refused.length === 0
      ? ""
      : `<p>Not usable:</p><ul>${
        refused.map(({ tuning, status, reason }) =>
          `<li>${escaped(tuningText(tuning))}: <strong>${status}</strong>, ${escaped(reason)}</li>`
        ).join("\n")
      }</ul>`
  }
${rest === 0 ? "" : `<p class="soft">Not tried: ${rest}${note === "" ? "" : `; ${escaped(note)}`}</p>`}</section>`;
}

function barOf(known: Known, row: TimedRow, floorSeconds: number, longest: number): string {
  const { basis, best } = chosenRows(known), { seconds, samples, compileSeconds } = row, why = whyNotChosen(known, row);
  const width = (value: number) => `${(100 * Math.min(1, value / longest)).toFixed(1)}%`;
  const tags = [...row === best ? ["winner"] : [], ...row === basis ? ["default"] : []];
  const classes = ["row", ...row === best ? ["best"] : [], ...row === basis ? ["basis"] : []];
  if (seconds > longest) classes.push("cut");
  const details = `${samples} sample${samples === 1 ? "" : "s"}` +
    (compileSeconds === null ? "" : `, compiled in ${compileSeconds.toFixed(2)} s`);
  const floor = floorSeconds < longest ? `<i class="floor" style="left:${width(floorSeconds)}"></i>` : "";
  return `<div class="${classes.join(" ")}" title="${details}"><b>${milliseconds(seconds)} ms</b>` +
    `<span class="track"><span class="bar" style="width:${width(seconds)}"></span>${floor}</span>` +
    `<small>${tags.map((tag) => `<span class="tag">${tag}</span> `).join("")}${escaped(tuningText(row.tuning))}${
      why === "" ? "" : `; ${why}`
    }</small></div>`;
}
