/** A table as data, which HTML and Markdown both write down; its footnotes have letters in the order in which they appear. */
export interface Cell {
  readonly text: string;
  /** Further lines, in small print. */
  readonly small?: readonly string[];
  /** Explained below the table. */
  readonly footnotes?: readonly string[];
}

export interface Block {
  /** A heading above the rows, or null. */
  readonly title: string | null;
  readonly rows: readonly (readonly Cell[])[];
}

export interface Table {
  readonly title: string;
  readonly about: string;
  readonly head: readonly string[];
  /** Columns of words, to the left; numbers are to the right. */
  readonly words: readonly string[];
  readonly blocks: readonly Block[];
}

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
