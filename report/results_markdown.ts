/** Results as Markdown: tables as GitHub and others draw them. */
import { SOURCES } from "./paper_results.ts";
import { METHOD, type Results, resultTables } from "./result_tables.ts";
import { runsTable } from "./runs_table.ts";
import { type Cell, footnotesOf, marksOf, type Table } from "./table.ts";

/** A text that is no markup, and stays in its cell. */
const plain = (text: string) => text.replace(/[\\`*_[\]<>|#~&]/g, "\\$&").replace(/\s+/g, " ");

export function resultsMarkdown(results: Results): string {
  const { runs, warnings } = results;
  const list = (lines: readonly string[]) => lines.map((line) => `- ${plain(line)}`).join("\n");
  return [
    "# The All Convolutional Net: results",
    "Errors of _Striving for Simplicity: The All Convolutional Net_ (Springenberg, Dosovitskiy, Brox, Riedmiller, 2015) " +
    `and of ${runs.length} ${runs.length === 1 ? "run" : "runs"} of allcnn. “—”: not run.`,
    ...warnings.length === 0 ? [] : [list(warnings)],
    ...resultTables(results).map(tableMarkdown),
    "## How to read this",
    ...METHOD.map(plain),
    tableMarkdown(runsTable(runs)),
    "## Where the paper's numbers are from",
    list(SOURCES),
  ].join("\n\n") + "\n";
}

function tableMarkdown(table: Table): string {
  const { title, about, head, words, blocks } = table, footnotes = footnotesOf(table);
  const mark = (letters: readonly string[]) => letters.length === 0 ? "" : `<sup>${letters.join(" ")}</sup>`;
  const cell = (cell: Cell) =>
    [plain(cell.text) + mark(marksOf(cell, footnotes)), ...(cell.small ?? []).map(plain)].join("<br>");
  const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const lines = [
    row(head.map(plain)),
    row(head.map((name) => words.includes(name) ? "---" : "---:")),
    ...blocks.flatMap(({ title, rows }) => [
      ...title === null ? [] : [row([`**${plain(title)}**`, ...head.slice(1).map(() => "")])],
      ...rows.map((cells) => row(cells.map(cell))),
    ]),
  ];
  const notes = footnotes.map((note) =>
    `<sup>${marksOf({ text: "", footnotes: [note] }, footnotes)}</sup> ${plain(note)}`
  );
  return [`## ${plain(title)}`, plain(about), lines.join("\n"), ...notes].join("\n\n");
}
