/** Cells that workers on other machines train: each a job in Redis, named by its sweep and cell, so that none is twice. */
import type { Queue } from "bullmq";
import { UserError } from "../core/host/errors.ts";
import { pause } from "../core/host/process.ts";
import { ATTEMPTS, type Executor } from "./executor.ts";
import type { Outcome } from "./record.ts";
import { addressOf, type CellJob, type CellProgress, connect, loadBullMQ, progressOf, QUEUE } from "./redis.ts";

export interface QueueOptions {
  readonly url: string;
  /** The folder of the sweep, as all machines see it. */
  readonly out: string;
  readonly line: (text: string) => void;
  readonly onProgress: (id: string, progress: CellProgress) => void;
  readonly interrupted: () => boolean;
}

/** Seconds between two looks at a job, and those after which a silent Redis is given up. */
const POLL_SECONDS = 1, SILENCE_SECONDS = 60;

/** Seconds between the two starts of a cell that fails. */
const RETRY_SECONDS = 5;

type CellQueue = Queue<CellJob, Outcome>;

/** Hands cells to workers. Throws `UserError` where there is no Redis. */
export async function queueExecutor(options: QueueOptions): Promise<Executor & { close(): Promise<void> }> {
  const { url, out, line, onProgress, interrupted } = options;
  const connection = await connect(url, once(line)), { Queue } = await loadBullMQ();
  const queue: CellQueue = new Queue(QUEUE, { connection });
  queue.on("error", () => {}); // heard of above
  const lost = new UserError(
    `Redis at ${
      addressOf(url)
    } has not answered for ${SILENCE_SECONDS} s: cells in training go on and nothing is lost; ` +
      "once it is back, the same command goes on",
  );
  const asked = async <T>(question: Promise<T>) => {
    question.catch(() => {});
    return await Promise.race([
      question,
      pause(SILENCE_SECONDS).then((): never => {
        throw lost;
      }),
    ]);
  };
  return {
    capacity: Infinity,
    async run({ cell, config }, sweep, started) {
      const id = `${sweep}-${cell.id}`, data: CellJob = { sweep, out, cell, config };
      await asked(forget(queue, id)); // of an earlier start
      for (let reported = false;; await pause(POLL_SECONDS)) {
        if (interrupted()) return null;
        const job = await asked(queue.getJob(id)) ?? await asked(add(queue, id, data)),
          state = await asked(job.getState());
        if (state === "active" && !reported) {
          reported = true;
          started();
        }
        const progress = state === "active" ? progressOf(job.progress) : null;
        if (progress !== null) onProgress(cell.id, progress);
        if (state !== "completed" && state !== "failed") continue;
        const { returnvalue, failedReason, attemptsMade } = job;
        await asked(forget(queue, id));
        if (state === "completed") return returnvalue;
        return { state: "failed", reason: failedReason ?? "no reason given", attempts: attemptsMade };
      }
    },
    async close() {
      await Promise.race([queue.close(), pause(POLL_SECONDS)]).catch(() => {});
      connection.disconnect();
    },
  };
}

async function add(queue: CellQueue, jobId: string, data: CellJob) {
  return await queue.add("cell", data, {
    jobId,
    attempts: ATTEMPTS,
    backoff: { type: "fixed", delay: 1000 * RETRY_SECONDS },
  });
}

/** Removes a job that nobody is to do any more: what became of it is in the cell's folder. */
async function forget(queue: CellQueue, id: string): Promise<void> {
  const job = await queue.getJob(id);
  if (job !== undefined && ["completed", "failed"].includes(await job.getState())) await job.remove();
}

/** Says the same thing once. */
export function once(line: (text: string) => void): (text: string) => void {
  let last = "";
  return (text) => {
    if (text !== last) line(text);
    last = text;
  };
}
