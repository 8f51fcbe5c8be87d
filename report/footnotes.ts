/** Footnotes of a table: a letter each, in the order in which they first appear. */
import type { Cell, Table } from "./result_tables.ts";

/** The footnotes of a table, each once. */
export function footnotesOf({ blocks }: Pick<Table, "blocks">): string[] {
  const cells = blocks.flatMap(({ rows }) => rows.flat());
  return [...new Set(cells.flatMap(({ footnotes = [] }) => footnotes))];
}

/** The letters of a cell's footnotes, "a" to "z", then "a2" and so on. */
export function marksOf({ footnotes = [] }: Cell, all: readonly string[]): string[] {
  return footnotes.map((note) => {
    const index = all.indexOf(note), round = Math.floor(index / 26);
    return `${String.fromCharCode(97 + index % 26)}${round === 0 ? "" : round + 1}`;
  });
}
