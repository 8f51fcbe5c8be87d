/** What a user sees of a sweep: on a terminal a table that redraws itself; elsewhere a line for each run that ends. */
import { terminalColumns } from "../core/host/process.ts";
import { type CellRecord, isOver, type SweepRecord } from "../sweep/record.ts";
import type { Status } from "../training/status.ts";
import { liveTable } from "./live_table.ts";
import { formatSeconds, type ProgressLine } from "./progress.ts";
import { cellLine, countLine, type Running, sweepTable, type Work } from "./sweep_table.ts";

export interface SweepScreen extends Pick<ProgressLine, "line" | "report"> {
  status(id: string, status: Status): void;
  progress(id: string, running: Running): void;
  change(record: SweepRecord, changed: CellRecord | null): void;
  /** Shows the whole table for good. */
  end(record: SweepRecord): void;
}

/** `size`: how many runs there will be, and what an epoch of each costs. */
export function sweepScreen(plain: ProgressLine, size: { readonly total: number; readonly work: Work }): SweepScreen {
  const live = liveTable(), running = new Map<string, Running>(), said = new Set<string>();
  let record: SweepRecord | null = null, doing = "";
  const text = (whole: SweepRecord) => {
    const runs = [...running].map(([id, { epoch, epochs, loss, error, secondsLeft, worker }]) =>
      `${id}: epoch ${epoch}/${epochs}, loss ${loss.toFixed(3)}, error ${error.toFixed(1)} %, ` +
      `${formatSeconds(secondsLeft)} left${worker === undefined ? "" : `, on ${worker}`}`
    );
    const now = runs.length > 0 ? runs : doing === "" ? [] : [doing];
    return [...sweepTable(whole, running), "", ...now, countLine(whole, size, running)].join("\n");
  };
  const draw = () => record !== null && live.draw(() => text(record!));
  const line = (text: string) => {
    if (text.startsWith("Device: ") && said.has(text)) return; // the same for every run
    said.add(text);
    live.clear();
    plain.line(text);
    draw();
  };
  const progress = (id: string, now: Running) => {
    running.set(id, now);
    draw();
  };
  return {
    line,
    progress,
    status: (id, { epoch, epochs, loss, error, secondsLeft }) =>
      progress(id, { epoch, epochs, loss, error, secondsLeft }),
    report(message, done) {
      if (terminalColumns() === null) return plain.report(message, done);
      doing = `${message} ${(100 * done).toFixed(0)} %`;
      draw();
    },
    change(now, changed) {
      record = now;
      if (changed !== null && changed.state !== "running") running.delete(changed.id);
      if (changed !== null && isOver(changed.state)) line(cellLine(changed));
      draw();
    },
    end(whole) {
      running.clear();
      live.clear();
      plain.line([...sweepTable(whole, running), "", countLine(whole, size, running)].join("\n"));
    },
  };
}
