/** Where the cells of a sweep are trained, and what happens to one that fails. */
import { oneLine } from "../core/host/errors.ts";
import type { Status } from "../training/status.ts";
import type { PlannedCell } from "./plan.ts";
import type { Outcome } from "./record.ts";
import { type CellOptions, runCell } from "./run_cell.ts";

/** Where cells run: in this process, or with workers elsewhere. */
export interface Executor {
  /** How many it takes at once. */
  readonly capacity: number;
  /**
   * Trains a cell of the sweep of that id, again where it fails; null where it was interrupted. `started` is called where
   * it waits no longer. Throws where no cell can run any more.
   */
  run(planned: PlannedCell, sweep: string, started: () => void): Promise<Partial<Outcome> | null>;
}

/** How often a cell that fails is started in all. */
export const ATTEMPTS = 2;

/** Trains cells in this process, one after the other; `onError` hears why one failed, and whether it was the last try. */
export function localExecutor(
  options: Omit<CellOptions, "status"> & { readonly status: (id: string, status: Status) => void },
  onError: (id: string, reason: string, last: boolean) => void,
): Executor {
  return {
    capacity: 1,
    async run(planned, _sweep, started) {
      const { id } = planned.cell;
      started();
      return await withRetry(
        (attempt) => runCell(planned, { ...options, status: (status) => options.status(id, status) }, attempt),
        (reason, last) => onError(id, reason, last),
      );
    },
  };
}

/** Calls `attempt` until it throws no more, `ATTEMPTS` times at most; then the cell has failed, for the reason thrown. */
async function withRetry(
  attempt: (number: number) => Promise<Outcome | null>,
  onError: (reason: string, last: boolean) => void,
): Promise<Partial<Outcome> | null> {
  for (let number = 1;; number++) {
    try {
      return await attempt(number);
    } catch (error) {
      const reason = oneLine(error instanceof Error ? error.message : String(error));
      onError(reason, number >= ATTEMPTS);
      if (number >= ATTEMPTS) return { state: "failed", reason, attempts: number };
    }
  }
}
