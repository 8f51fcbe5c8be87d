/** What commands keep, undamaged: rows of metrics, and what was measured of a kernel. */
import { convOps } from "../../cli/conv_ops.ts";
import { taskOf } from "../../core/tune/tune_task.ts";

const ROW = { learningRate: 0.05, trainLoss: 2.1, trainError: 80, testLoss: 2, testError: 75.5 };
export const METRICS = [1, 2].map((epoch) => ({ epoch, ...ROW, imagesPerSecond: 900, seconds: 1.5 }));

const LIMITS = { workgroupInvocations: 256, workgroupStorage: 16384, bindingBytes: 2 ** 27 };

/** An entry of the cache of tunings, of its first task, and the scope that it is of. */
export async function tuningEntry() {
  const [op] = convOps("1,8,8,4,4,3,1,1"), limits = { ...LIMITS, subgroupSize: null, software: true, exact: false };
  const task = (await taskOf(op!, limits))!, scope = "{}", { tuning } = task.candidates[1]!;
  const row = { tuning, hash: "0", status: "timed", reason: "", seconds: 1e-3, samples: 3, compileSeconds: null };
  const entry = {
    version: 1,
    scope,
    subject: task.subject,
    offered: task.offered,
    budgetSeconds: 5,
    winner: tuning,
    expected: { outputs: [{ norm: 1, projections: [1, 2] }], inPlace: [[]] },
    rows: [row, { ...row, tuning: task.candidates[0]!.tuning, status: "unfinished", seconds: null }],
  };
  return { scope, task, entry };
}
