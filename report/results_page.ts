/** Results as one page of HTML that needs nothing from elsewhere: light, dark, on a phone and on paper. */
import { escaped, htmlPage } from "./html.ts";
import { IMAGENET, SOURCES, TABLE_3, TABLE_4 } from "./paper_results.ts";
import {
  type Cell,
  inOrder,
  METHOD,
  type Results,
  resultTables,
  runsTable,
  shortened,
  type Table,
} from "./result_tables.ts";
import { footnotesOf, marksOf } from "./footnotes.ts";
import { curvesFigure } from "./run_curves.ts";
import type { Setting } from "./trained_run.ts";

/** Rates: Okabe and Ito's colours, which the colour-blind tell apart; on dark paper lighter. */
const STYLE = {
  light: "--rate0:#d55e00;--rate1:#0072b2;--rate2:#009e73;--rate3:#b0588f;--paper:#1c1e21",
  dark: "--rate0:#f08a3c;--rate1:#56b4e9;--rate2:#3fbf95;--rate3:#dd9cc3;--paper:#e6e8eb",
  rules: `body{max-width:72rem}
table{margin:.6rem 0 .3rem}th{color:var(--soft);font-weight:500;vertical-align:bottom;white-space:normal}
td{vertical-align:top}td small{display:block;line-height:1.25;font-size:.78em;white-space:normal;max-width:24em;overflow-wrap:anywhere}
td.words,th.words{text-align:left}
td:first-child,th:first-child{position:sticky;left:0;background:var(--bg);padding-right:.8rem}
table{border-bottom:1.5px solid var(--soft)}tbody{border-top:1.5px solid var(--soft)}td{border-bottom:0}thead th{border-bottom:0}.block th{color:var(--fg);text-align:left;font-weight:600;padding-top:.5rem;border:0}
td.ours{font-weight:600}td.ours small{font-weight:400}
.notes{font-size:.85rem;color:var(--soft);margin:.2rem 0;padding:0;list-style:none}.notes li{overflow-wrap:anywhere}
.notes sup{margin-right:.3em}.warnings{border-left:3px solid var(--rate0);padding-left:.8rem}
.figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,26rem),1fr));gap:1.2rem}
figure{margin:.8rem 0 0;break-inside:avoid}figcaption{font-weight:600}figcaption small span{white-space:nowrap;margin-left:.7em}
figcaption small span::before{content:"";display:inline-block;width:1.1em;border-top:3px solid;vertical-align:middle;margin-right:.35em}
svg{width:100%;height:auto;display:block;font:11px system-ui,sans-serif;fill:var(--soft)}
svg path{fill:none;stroke-width:1.4;stroke-linejoin:round}svg .train{stroke-width:1;stroke-dasharray:3 3;opacity:.75}
.grid{stroke:var(--line)}.base{stroke:var(--soft)}svg .paper{stroke:var(--paper);stroke-dasharray:1 4;stroke-width:1.6;stroke-linecap:round}
${
    [0, 1, 2, 3].map((i) =>
      `path.rate${i}{stroke:var(--rate${i})}circle.rate${i}{fill:var(--rate${i})}small .rate${i}::before{color:var(--rate${i})}`
    ).join("")
  }
path.further{stroke:var(--soft)}circle.further{fill:var(--soft)}small .paper::before{border-top-style:dotted;color:var(--paper)}
@media print{body{font-size:11px;padding:0;max-width:none}.scroll{overflow:visible}h2{break-after:avoid}
tr{break-inside:avoid}.figures{grid-template-columns:1fr 1fr}td:first-child,th:first-child{position:static}}`,
};

/** A page for any browser. */
export function resultsPage(results: Results): string {
  const { runs, warnings } = results, title = "The All Convolutional Net: results";
  const figures = inOrder(runs).map(figureOf).filter((figure) => figure !== "");
  const list = (items: readonly string[]) => items.map((item) => `<li>${escaped(item)}</li>`).join("\n");
  const parts = [
    `<h1>${title}</h1>`,
    `<p class="soft">Errors of <i>Striving for Simplicity: The All Convolutional Net</i> (Springenberg, Dosovitskiy, Brox,
Riedmiller, 2015) and of ${runs.length} ${runs.length === 1 ? "run" : "runs"} of allcnn. “—”: not run.</p>`,
    ...warnings.length === 0 ? [] : [`<ul class="notes warnings">${list(warnings)}</ul>`],
    ...resultTables(results).map(tableHtml),
    `<section><h2>How to read this</h2>${METHOD.map((line) => `<p>${escaped(line)}</p>`).join("\n")}</section>`,
    ...figures.length === 0 ? [] : [
      `<section><h2>Learning curves</h2><p class="soft">Error in percent over epochs: solid on the test images, dashed in
training, with dropout; dotted, the paper's.</p><div class="figures">${figures.join("\n")}</div></section>`,
    ],
    tableHtml(runsTable(results)),
    `<section><h2>Where the paper's numbers are from</h2><ul>${list(SOURCES)}</ul></section>`,
  ];
  return htmlPage(title, STYLE, parts.join("\n"));
}

function figureOf({ config, differences, foreign, runs }: Setting): string {
  const paper = [...TABLE_3, ...TABLE_4, ...IMAGENET].flatMap(({ rows }) => rows).find((row) => row.config === config);
  const title = [config, ...shortened(differences)].join(", ");
  return curvesFigure(title, runs, foreign ? null : paper === undefined ? null : Number(paper.testError));
}

function tableHtml(table: Table): string {
  const { title, about, head, words, blocks } = table, footnotes = footnotesOf(table);
  const classOf = (name: string) => words.includes(name) ? ` class="words"` : name === "Ours" ? ` class="ours"` : "";
  const cell = (cell: Cell, column: number) => {
    const marks = marksOf(cell, footnotes), small = (cell.small ?? []).map((line) => `<small>${escaped(line)}</small>`);
    return `<td${classOf(head[column]!)}>${escaped(cell.text)}${
      marks.length === 0 ? "" : `<sup>${marks.join(" ")}</sup>`
    }${small.join("")}</td>`;
  };
  const body = blocks.map(({ title, rows }) =>
    `<tbody>${title === null ? "" : `<tr class="block"><th colspan="${head.length}">${escaped(title)}</th></tr>\n`}${
      rows.map((row) => `<tr>${row.map(cell).join("")}</tr>`).join("\n")
    }</tbody>`
  );
  const notes = footnotes.map((note) =>
    `<li><sup>${marksOf({ text: "", footnotes: [note] }, footnotes)}</sup>${escaped(note)}</li>`
  );
  return `<section><h2>${escaped(title)}</h2><p class="soft">${escaped(about)}</p>
<div class="scroll"><table><thead><tr>${
    head.map((name) => `<th${classOf(name)}>${escaped(name)}</th>`).join("")
  }</tr></thead>
${body.join("\n")}</table></div>
${notes.length === 0 ? "" : `<ul class="notes">${notes.join("\n")}</ul>`}</section>`;
}
