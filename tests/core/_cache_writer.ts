/** A process that writes entries of two tasks again and again: concurrent_writers of tune_cache_test.ts starts several. */
import process from "node:process";
import { openTuneCache } from "../../core/tune/tune_cache.ts";
import { tasksOf } from "../../core/tune/tune_task.ts";
import { emptyEntry, type Row } from "../../core/tune/tune_entry.ts";
import { imaginedOp, LIMITS } from "./_tuning.ts";

const [folder, id] = process.argv.slice(2) as [string, string];
const cache = await openTuneCache("device", (message) => {
  throw new Error(message);
}, folder);
const tasks = await tasksOf(["a", "b"].map((label) => imaginedOp(label, Array(8).fill("1"), label)), LIMITS);
for (let count = 0; count < 40; count++) {
  for (const task of tasks) {
    const row: Row = {
      tuning: { n: count % 8 },
      hash: `${id} `.repeat(1 + 500 * (count % 3)), // of different lengths, so that a torn file would not parse
      status: "timed",
      reason: "",
      seconds: 1,
      samples: 1,
      compileSeconds: null,
    };
    await cache.write(task, { ...emptyEntry(task, cache.scope), rows: [row] });
  }
}
