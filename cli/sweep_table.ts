/** The table of a sweep: a row per config, a column per grid point; and how long it will take. */
import { alignColumns } from "../report/op_table.ts";
import { percent } from "../report/setting_cells.ts";
import { mean } from "../report/trained_run.ts";
import { pointLabel } from "../sweep/grid.ts";
import { type CellRecord, isOver, type Result, type SweepRecord } from "../sweep/record.ts";
import { formatSeconds } from "./progress.ts";

/** Where a cell that trains stands. */
export interface Running {
  readonly epoch: number;
  readonly epochs: number;
  readonly loss: number;
  readonly error: number;
  readonly secondsLeft: number;
  readonly worker?: string;
}

const unique = (texts: readonly string[]) => [...new Set(texts)];

/** What the seeds of one grid point have come to. */
function summary(cells: readonly CellRecord[], running: ReadonlyMap<string, Running>): string {
  const errors = cells.flatMap(({ state, testError, heldOutError }) =>
    state === "done" ? testError ?? heldOutError ?? [] : []
  );
  if (errors.length > 0) {
    const text = percent(mean(errors));
    return errors.length === cells.length ? text : `${text} (${errors.length}/${cells.length})`;
  }
  const active = cells.find(({ state }) => state === "running");
  if (active !== undefined) return `epoch ${running.get(active.id)?.epoch ?? active.epoch}/${active.epochs}`;
  const lost = cells.find(({ state }) => isOver(state));
  return lost?.state ?? (cells.length === 0 ? "" : "-");
}

/** A row per config and data, a column per grid point. */
export function sweepTable({ cells }: SweepRecord, running: ReadonlyMap<string, Running>): string[] {
  const points = unique(cells.map(({ values }) => pointLabel(values)));
  const rows = unique(cells.map(({ config, data }) => data === "all" ? config : `${config}, held out`));
  const table = [
    ["", ...points],
    ...rows.map((row) => [
      row,
      ...points.map((point) =>
        summary(
          cells.filter(({ config, data, values }) =>
            row === (data === "all" ? config : `${config}, held out`) && point === pointLabel(values)
          ),
          running,
        )
      ),
    ]),
  ];
  return alignColumns(table, [...table[0]!.keys()]).split("\n");
}

/** What an epoch of each run costs, by the run's id, in any unit: runs of unlike networks are compared by it. */
export type Work = ReadonlyMap<string, number>;

/** Seconds until all is over, or null while nothing has been measured. */
export function secondsLeft(
  cells: readonly CellRecord[],
  running: ReadonlyMap<string, Running>,
  work: Work,
): number | null {
  const worth = ({ id }: CellRecord) => work.get(id) ?? 1;
  const sum = (of: readonly CellRecord[], value: (cell: CellRecord) => number) =>
    of.reduce((total, cell) => total + value(cell), 0);
  /** Seconds for each unit of work: of epochs that ended, or else of one that runs. */
  const pace = (of: readonly CellRecord[]): number | null => {
    const done = sum(of, (cell) => cell.epoch * worth(cell));
    if (done > 0) return sum(of, ({ seconds }) => seconds) / done;
    const cell = of.find(({ id }) => running.has(id)), now = cell && running.get(cell.id);
    return now === undefined ? null : now.secondsLeft / Math.max(1, now.epochs - now.epoch + 1) / worth(cell!);
  };
  const left = cells.filter(({ state }) => !isOver(state)).map((cell) => {
    const now = running.get(cell.id);
    if (now !== undefined) return now.secondsLeft;
    const seconds = pace(cells.filter(({ config }) => config === cell.config)) ?? pace(cells);
    return seconds === null ? null : seconds * worth(cell) * (cell.epochs - cell.epoch);
  });
  if (left.includes(null)) return null;
  return left.reduce<number>((sum, each) => sum + each!, 0) / Math.max(1, running.size);
}

/** "3 of 8 runs done, 1 diverged, 1 failed, 1 running, 1:02:03 left"; `total` counts those not known yet too. */
export function countLine(
  { cells }: SweepRecord,
  { total, work }: { readonly total: number; readonly work: Work },
  running: ReadonlyMap<string, Running>,
): string {
  const count = (state: CellRecord["state"]) => cells.filter((cell) => cell.state === state).length;
  const rest = (["diverged", "failed", "running"] as const).flatMap((state) =>
    count(state) === 0 ? [] : `${count(state)} ${state}`
  );
  const left = cells.every(({ state }) => isOver(state)) ? null : secondsLeft(cells, running, work);
  const time = left === null ? [] : [`about ${formatSeconds(left)} left`];
  return [`${count("done")} of ${Math.max(total, cells.length)} runs done`, ...rest, ...time].join(", ");
}

/** What one cell has come to. */
export function cellLine({ id, state, reason, testError, heldOutError, epoch }: CellRecord): string {
  switch (state) {
    case "done":
      return testError !== null
        ? `${id}: test error ${percent(testError)}`
        : `${id}: error on the held-out images ${percent(heldOutError!)}`;
    case "diverged":
      return `${id}: stopped after epoch ${epoch}, it diverged: ${reason}`;
    case "failed":
      return `${id}: failed: ${reason}`;
    case "pending":
    case "running":
      return `${id}: ${state}`;
    default:
      return state satisfies never;
  }
}

/** What a protocol says of a config. */
export function resultLine({ config, protocol, values, complete, chosenBy, testError, deviation }: Result): string {
  const point = pointLabel(values), error = testError === null ? "not trained yet" : percent(testError);
  const spread = deviation === null ? "" : ` +- ${deviation.toFixed(2)}`;
  const how = protocol === "paper"
    ? `the paper's protocol: ${error}${spread} at ${point}, chosen by test error`
    : `chosen on held-out images: ${error}${spread} at ${point}, where these had ${percent(chosenBy)}`;
  return `${config}, ${how}${complete ? "" : "; not complete"}`;
}
