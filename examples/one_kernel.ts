/** One kernel alone: finds the fastest shader for a convolution on this device, shows it, and runs it. */
import { compile, convForward, op, openDevice, openTuneCache } from "../mod.ts";
import { readTensor, run, searchTuner, tensor, writeTensor } from "../mod.ts";

const device = await openDevice(), persistent = { lifetime: "persistent" } as const;
const x = tensor("x", [32, 8, 8, 1], persistent), w = tensor("w", [3, 3, 1, 8], persistent);
const b = tensor("b", [8], persistent), y = tensor("y", [32, 8, 8, 8], persistent);
const image = { batch: 32, height: 8, width: 8, inChannels: 1, outHeight: 8, outWidth: 8, outChannels: 8 };
const problem = { ...image, kernel: 3, stride: 1, padding: 1, bias: true, slope: 0 };
const convolution = op(convForward, problem, { label: "conv", reads: [x, w, b], writes: [y] });

// Candidates are checked against a plain kernel, then timed; what is found stays in a cache on disk.
const tuner = searchTuner(device, await openTuneCache(device.scope, console.warn), {
  budgetSeconds: 5,
  onSearched([outcome]) {
    for (const { tuning, status, seconds } of outcome!.entry.rows) {
      console.log(seconds === null ? status : `${(1e6 * seconds).toFixed(1)} us`, JSON.stringify(tuning));
    }
  },
});
const buffers = new Map();
await writeTensor(device, buffers, x, new Float32Array(32 * 8 * 8).fill(1));
await writeTensor(device, buffers, w, new Float32Array(3 * 3 * 8).fill(0.5));
await writeTensor(device, buffers, b, new Float32Array(8).fill(1));
const plan = await compile(device, { ops: [convolution], keep: [] }, tuner, buffers);
const { tuning, stages } = plan.ops[0]!;
console.log(`chosen of ${convForward.tunings(problem, device.limits).length}: ${JSON.stringify(tuning)}`);
console.log(`${stages.dispatches[0]!.shader.code.split("\n").slice(0, 5).join("\n")}\n...`);

run(device, plan);
const values = await readTensor(device, buffers, y);
console.log(`corner, 4 of 9 taps inside: 4 * 0.5 + 1 = ${values[0]}; edge, 6 inside: 6 * 0.5 + 1 = ${values[8]}`);
device.close();
