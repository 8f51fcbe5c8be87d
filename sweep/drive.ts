/** Runs the cells of a sweep until all are over, and keeps its record. */
import { sha256 } from "../core/host/safetensors.ts";
import { exists } from "../core/host/files.ts";
import type { Executor } from "./executor.ts";
import { readOutcome } from "./outcome.ts";
import { cellsOf, type SweepPlan } from "./plan.ts";
import {
  type Cell,
  type CellRecord,
  isOver,
  type Outcome,
  PENDING,
  readRecord,
  type SweepRecord,
  writeRecord,
} from "./record.ts";
import { resultsOf } from "./results.ts";
import { checkSameConfig } from "./same_config.ts";

export interface DriveOptions {
  readonly plan: SweepPlan;
  /** The folder, which the caller has locked. */
  readonly out: string;
  readonly executor: Executor;
  readonly interrupted: () => boolean;
  /** Called with the whole record after each change, and the cell that has changed. */
  readonly onChange: (record: SweepRecord, changed: CellRecord | null) => void;
}

/**
 * The plan's cells beside what the folder knows of them. Cells of earlier plans stay, so that one may add configs, seeds
 * and values; throws `UserError` where one of them differs by more than the values of a grid.
 */
async function startingRecord(plan: SweepPlan, out: string): Promise<SweepRecord> {
  const found = await readRecord(out), cells = new Map<string, CellRecord>();
  const add = async (cell: Cell, known: Outcome) => {
    const outcome = await readOutcome(`${out}/${cell.folder}`); // the truth: the record may be older, or a folder deleted
    const over = outcome !== null && isOver(outcome.state);
    cells.set(cell.id, { ...cell, ...over ? outcome : { ...PENDING, epoch: known.epoch, seconds: known.seconds } });
  };
  for (const old of found?.cells ?? []) {
    const like = plan.cells.find(({ cell }) => cell.config === old.config && cell.data === old.data);
    if (like !== undefined) {
      const paths = [old.values, like.cell.values].flatMap(Object.keys);
      await checkSameConfig(`${out}/${old.folder}`, like.config, paths);
    }
    await add(old, old);
  }
  for (const { cell, config } of plan.cells) {
    await checkSameConfig(`${out}/${cell.folder}`, config);
    const known = cells.get(cell.id), started = await exists(`${out}/${cell.folder}`);
    if (known !== undefined || started) await add(cell, known ?? PENDING);
  }
  for (const { cell } of cellsOf(plan, [...cells.values()])) if (!cells.has(cell.id)) await add(cell, PENDING);
  const protocol = found === null || found.protocol === plan.protocol ? plan.protocol : "both";
  return withResults({ version: 1, id: found?.id ?? await newId(), protocol, cells: [...cells.values()], results: [] });
}

async function newId(): Promise<string> {
  return (await sha256(crypto.getRandomValues(new Uint8Array(32)))).slice(0, 16);
}

function withResults(record: SweepRecord): SweepRecord {
  return { ...record, results: resultsOf(record) };
}

/** Trains what is not over yet. Returns the record as it is in the end, or when it was interrupted. */
export async function driveSweep(options: DriveOptions): Promise<SweepRecord> {
  const { plan, out, executor, interrupted, onChange } = options;
  let record = await startingRecord(plan, out);
  const active = new Map<string, Promise<void>>();
  let failure: unknown = null, writing = writeRecord(out, record);
  const change = async (cell: Cell, outcome: Partial<Outcome>) => {
    const known = record.cells.find(({ id }) => id === cell.id), changed = { ...known ?? PENDING, ...cell, ...outcome };
    const cells = known === undefined
      ? [...record.cells, changed]
      : record.cells.map((each) => each === known ? changed : each);
    record = withResults({ ...record, cells });
    onChange(record, changed);
    await (writing = writing.then(() => writeRecord(out, record))); // one after the other: the last is the newest
  };
  const stateOf = (id: string) => record.cells.find((cell) => cell.id === id)?.state ?? "pending";
  await writing;
  onChange(record, null);
  while (failure === null) {
    const waiting = cellsOf(plan, record.cells).filter(({ cell }) => !isOver(stateOf(cell.id)) && !active.has(cell.id));
    for (const planned of interrupted() ? [] : waiting.slice(0, executor.capacity - active.size)) {
      const { cell } = planned;
      const started = () => void change(cell, { state: "running" }).catch((error) => failure ??= error);
      const work = executor.run(planned, record.id, started)
        .then((outcome) => change(cell, outcome ?? { state: "pending" }))
        .catch((error) => void (failure ??= error))
        .finally(() => active.delete(cell.id));
      active.set(cell.id, work);
    }
    if (active.size === 0) break;
    await Promise.race(active.values());
  }
  await Promise.all(active.values());
  if (failure !== null) throw failure;
  return record;
}
