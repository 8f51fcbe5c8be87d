/** All runs of a report, one a row. */
import { inOrder } from "./result_tables.ts";
import { NOTHING, percent, plural, progressOf, rateText, shortened } from "./setting_cells.ts";
import type { Table } from "./table.ts";
import { isRepeat, type TrainedRun } from "./trained_run.ts";

export function runsTable(all: readonly TrainedRun[]): Table {
  const runs = inOrder(all).flatMap((setting) => setting.runs.map((run) => ({ run, repeat: isRepeat(run, setting) })));
  return {
    title: "All runs",
    about: `${plural(runs.length, "run")}. The error is that after the last epoch so far.`,
    head: ["Run", "Config", "Rate", "Seed", "Epochs", "Error", "of", "State"],
    words: ["Run", "Config", "of", "State"],
    blocks: [{
      title: null,
      rows: runs.map(({ run, repeat }) => {
        const error = run.rows.at(-1)?.testError ?? null;
        return [
          { text: run.folder },
          { text: run.config, ...run.differences.length > 0 && { small: shortened(run.differences) } },
          { text: rateText(run.learningRate) },
          run.seed === null ? NOTHING : { text: String(run.seed) },
          { text: progressOf(run) },
          error === null ? NOTHING : { text: percent(error) },
          { text: run.measures === "test" ? "test" : "held out" },
          {
            text: run.state,
            small: [...run.reason === null ? [] : [run.reason], ...repeat ? ["the same seed again: not counted"] : []],
          },
        ];
      }),
    }],
  };
}
