/** A table that redraws itself on a terminal; elsewhere nothing of it is seen. */
import { printOver, terminalColumns, terminalRows } from "../core/host/process.ts";

export interface LiveTable {
  /** Draws the text that `make` returns, unless the last drawing is too recent. */
  draw(make: () => string): void;
  clear(): void;
}

const INTERVAL_SECONDS = 0.1;

export function liveTable(): LiveTable {
  let lines = 0, drawn = -Infinity;
  const clear = () => {
    if (lines > 0) printOver(`${lines > 1 ? `\x1b[${lines - 1}A` : ""}\x1b[J`);
    lines = 0;
  };
  return {
    clear,
    draw(make) {
      const columns = terminalColumns(), rows = terminalRows(), now = performance.now() / 1000;
      if (columns === null || rows === null || now - drawn < INTERVAL_SECONDS) return;
      drawn = now;
      const all = make().split("\n").map((line) => line.slice(0, columns - 1));
      // What scrolled off cannot be redrawn: of a long table its end, which says what goes on, is shown.
      const shown = all.length < rows ? all : all.slice(1 - rows);
      clear();
      printOver(shown.join("\n"));
      lines = shown.length;
    },
  };
}
