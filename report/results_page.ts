/** Results as one page of HTML that needs nothing from elsewhere: light, dark, on a phone and on paper. */
import { SERIES } from "./colours.ts";
import { escaped, htmlPage } from "./html.ts";
import { IMAGENET, SOURCES, TABLE_3, TABLE_4 } from "./paper_results.ts";
import { inOrder, METHOD, type Results, resultTables } from "./result_tables.ts";
import { errorsFigure, lossesFigure, OVERLAY_STYLE } from "./overlay_figure.ts";
import { curvesFigure } from "./run_curves.ts";
import { runsTable } from "./runs_table.ts";
import { shortened } from "./setting_cells.ts";
import { type Cell, footnotesOf, marksOf, type Table } from "./table.ts";
import type { Setting } from "./trained_run.ts";

/** One per rate, and per run. */
const COLORS = SERIES;

const colorRules = (_: unknown, i: number) =>
  `path.rate${i}{stroke:var(--rate${i})}circle.rate${i}{fill:var(--rate${i})}span.rate${i}::before{color:var(--rate${i})}`;

const STYLE = {
  light: COLORS.map(([light], i) => `--rate${i}:${light}`).join(";"),
  dark: COLORS.map(([, dark], i) => `--rate${i}:${dark}`).join(";"),
  rules: `body{max-width:78rem}
table{margin:.6rem 0 .3rem;border-bottom:1.5px solid var(--soft)}
tbody{border-top:1.5px solid var(--soft)}
th{color:var(--soft);font-weight:500;vertical-align:bottom;white-space:normal;border:0}
td{vertical-align:top;position:relative;border:0}
td:first-child,th:first-child{position:sticky;left:0;background:var(--bg);padding-right:.8rem}
td.words,th.words,.block th{text-align:left}
.block th{color:var(--fg);font-weight:600;padding-top:.5rem}
td small{display:block;line-height:1.25;font-size:.78em;font-weight:400}
td.words small{white-space:normal;max-width:24em;overflow-wrap:anywhere}
td.ours{font-weight:600}
sup{line-height:0;font-size:.7em}td sup{position:absolute;line-height:1.6;margin-left:.1em}
.notes{font-size:.85rem;color:var(--soft);margin:.2rem 0;padding:0;list-style:none}
.notes sup{margin-right:.3em}li{overflow-wrap:anywhere}
.warnings{border-left:3px solid var(--rate0);padding-left:.8rem}
.figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,26rem),1fr));gap:1.2rem}
figure{margin:.8rem 0 0;break-inside:avoid}figcaption{font-weight:600}
figcaption small{display:block}figcaption span{white-space:nowrap;margin-right:.9em}
figcaption span::before{content:"";display:inline-block;width:1.1em;border-top:3px solid;vertical-align:middle;
margin-right:.35em}
svg{width:100%;height:auto;display:block;font:11px system-ui,sans-serif;fill:var(--soft)}
path{fill:none;stroke-width:1.4;stroke-linejoin:round}path.train{stroke-width:1;stroke-dasharray:3 3;opacity:.75}
.grid{stroke:var(--line)}.base{stroke:var(--soft)}
line.paper{stroke:var(--fg);stroke-dasharray:1 4;stroke-width:1.6;stroke-linecap:round}
span.paper::before{border-top-style:dotted;color:var(--fg)}
path.further{stroke:var(--soft)}circle.further{fill:var(--soft)}
${COLORS.map(colorRules).join("\n")}
${OVERLAY_STYLE}
@media print{html,body{font-size:10px}body{padding:0;max-width:none}table{font-size:9px}td,th{padding:.1rem .35rem}
td:first-child,th:first-child{position:static}td small{white-space:normal}.scroll{overflow:visible}
h2,h2+p{break-after:avoid}tr{break-inside:avoid}.figures{grid-template-columns:1fr 1fr}}`,
};

/** A page for any browser. */
export function resultsPage(results: Results): string {
  const { runs, warnings } = results, title = "The All Convolutional Net: results";
  const rates = [...new Set(runs.map(({ learningRate }) => learningRate))].sort((a, b) => b - a);
  const classOf = (rate: number) => rates.indexOf(rate) < COLORS.length ? `rate${rates.indexOf(rate)}` : "further";
  const figures = inOrder(runs).map((setting) => figureOf(setting, classOf)).filter((figure) => figure !== "");
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
training, with dropout; dotted, the paper's.</p>${errorsFigure(runs)}${lossesFigure(runs)}<div class="figures">${
        figures.join("\n")
      }</div></section>`,
    ],
    tableHtml(runsTable(runs)),
    `<section><h2>Where the paper's numbers are from</h2><ul>${list(SOURCES)}</ul></section>`,
  ];
  return htmlPage(title, STYLE, parts.join("\n"));
}

function figureOf({ config, differences, foreign, runs }: Setting, classOf: (rate: number) => string): string {
  const paper = [...TABLE_3, ...TABLE_4, ...IMAGENET].flatMap(({ rows }) => rows).find((row) => row.config === config);
  const title = [config, ...shortened(differences)].join(", ");
  return curvesFigure(title, runs, classOf, foreign ? null : paper === undefined ? null : Number(paper.testError));
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
