/**
 * A worker of sweeps: takes cells out of Redis and trains them, one after the other. The folder of a sweep is shared by
 * all machines under the same path. A worker that dies is silent; another one then gets its cell, and goes on from the
 * checkpoint there. Should the silent one live after all, the lock of the cell's folder keeps the other away.
 */
import type { Job } from "bullmq";
import { UserError } from "../core/host/errors.ts";
import { pause, processId } from "../core/host/process.ts";
import { hostName } from "../core/host/machine.ts";
import type { Status } from "../training/status.ts";
import { FolderInUseError } from "../training/run_lock.ts";
import { once } from "./queue.ts";
import { type Outcome, readRecord } from "./record.ts";
import { type CellJob, type CellProgress, configOfJob, connect, loadBullMQ, QUEUE } from "./redis.ts";
import { type CellOptions, runCell } from "./run_cell.ts";

export interface WorkOptions extends Omit<CellOptions, "out" | "status"> {
  readonly url: string;
  /** Seconds without a sign of life after which a worker counts as dead. */
  readonly silenceSeconds: number;
  readonly status: (cell: string, status: Status) => void;
  readonly onOutcome: (cell: string, outcome: Outcome) => void;
  /** Called once it is connected. */
  readonly onReady: () => void;
}

/** Seconds until a cell that another process still trains is offered again, and between two reports of progress. */
const BUSY_SECONDS = 5, REPORT_SECONDS = 1;

/** Works until it is interrupted. Throws `UserError` where there is no Redis, or a sweep's folder is not to be seen. */
export async function work(options: WorkOptions): Promise<void> {
  const { url, silenceSeconds, line, interrupted } = options;
  const connection = await connect(url, once(line)), { Worker, DelayedError, WaitingError } = await loadBullMQ();
  let fatal: unknown = null;

  const later = async (job: Job, token: string | undefined, seconds: number) => {
    await job.moveToDelayed(Date.now() + 1000 * seconds, token);
    return new DelayedError();
  };
  const train = async (job: Job<CellJob, Outcome>, token?: string): Promise<Outcome> => {
    const { sweep, out, cell } = job.data;
    if ((await readRecord(out).catch(() => null))?.id !== sweep) {
      fatal = new UserError(
        `Cannot train ${cell.id}: its sweep is in "${out}", which this machine does not see; share that folder among all ` +
          "machines, under the same path",
      );
      throw await later(job, token, BUSY_SECONDS);
    }
    let reported = 0;
    const status = (now: Status) => {
      options.status(cell.id, now);
      if (performance.now() - reported < 1000 * REPORT_SECONDS) return;
      reported = performance.now();
      const { epoch, epochs, loss, error, secondsLeft } = now;
      const progress: CellProgress = { worker: workerName(), epoch, epochs, loss, error, secondsLeft };
      void job.updateProgress(progress).catch(() => {}); // Redis may be away for a while
    };
    let outcome: Outcome | null;
    try {
      outcome = await runCell(
        { cell, config: configOfJob(job.data) },
        { ...options, out, status },
        job.attemptsMade + 1,
      );
    } catch (error) {
      if (error instanceof FolderInUseError) throw await later(job, token, BUSY_SECONDS);
      line(`${cell.id}: ${(error as Error).message}`);
      throw error;
    }
    if (outcome === null) { // interrupted: to whoever comes next
      await job.moveToWait(token);
      throw new WaitingError();
    }
    options.onOutcome(cell.id, outcome);
    return outcome;
  };

  const worker = new Worker<CellJob, Outcome>(QUEUE, train, {
    connection,
    name: workerName(),
    lockDuration: 1000 * silenceSeconds,
    stalledInterval: 1000 * silenceSeconds,
    maxStalledCount: Number.MAX_SAFE_INTEGER, // a cell whose workers die is never given up
  });
  worker.on("error", ({ message }) => once(line)(message));
  options.onReady();
  while (!interrupted() && fatal === null) await pause(0.2);
  await worker.close();
  connection.disconnect();
  if (fatal !== null) throw fatal;
}

function workerName(): string {
  return `${hostName()}:${processId()}`;
}
