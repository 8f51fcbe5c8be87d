/**
 * `npm run test:redis -- [--count N] [--seed N]`: a sweep whose cells workers train through a real Redis, disturbed N
 * times: a worker is killed, Redis is killed and started again with its jobs, or without any, the network between Redis
 * and a worker is cut for a while (as root on Linux). Every cell must be done once, with every epoch once, and be reported
 * once. Needs `redis-server`.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { key, unit } from "../../core/graph/random.ts";
import type { SweepRecord } from "../../sweep/record.ts";
import { layCable } from "./_cable.ts";

const { values } = parseArgs({
  options: { count: { type: "string", default: "20" }, seed: { type: "string", default: "1" } },
});
const disturbances = Number(values.count), random = key(Number(values.seed), 0, 17);
const folder = mkdtempSync(join(tmpdir(), "allcnn-redis-")), EPOCHS = 12, WORKERS = 2, PATIENCE = 600;
/** Seconds between two disturbances at most, and as many cells as keep the workers busy for them. */
const APART = 8, CELLS = Math.max(4, Math.ceil(disturbances / 2));

const reserved = createServer().listen(0, "127.0.0.1");
await once(reserved, "listening");
const { port } = reserved.address() as { port: number };
reserved.close();
const jobsAt = (address: string) => ["--jobs", `redis://${address}:${port}`], jobs = jobsAt("127.0.0.1");
const laid = layCable(), cable = "far" in laid ? laid : null;
if ("reason" in laid) console.log(`No network is cut: ${laid.reason}`);

const CUT = "the network cut";
const KINDS = [
  ...["a worker killed", "a worker killed", "Redis killed, its jobs kept", "Redis killed, its jobs lost"],
  ...(cable === null ? [] : [CUT, CUT]),
];

function startRedis(): ChildProcess {
  mkdirSync(`${folder}/redis`, { recursive: true });
  const kept = ["--appendonly", "yes", "--appendfsync", "always", "--save", "", "--dir", `${folder}/redis`];
  return spawn("redis-server", [
    ...["--port", `${port}`, "--protected-mode", "no", "--bind", "127.0.0.1"],
    ...(cable === null ? [] : [cable.address]),
    ...kept,
  ], { stdio: "ignore" });
}

function start(args: readonly string[], through: readonly string[] = []) {
  const [file, ...rest] = [...through, process.execPath, "dist/allcnn.js", ...args];
  const child = spawn(file!, rest, { stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => text += data);
  return { child, text: () => text };
}

async function answers(): Promise<void> {
  for (let waited = 0; waited < 60; waited += 0.1, await pause(100)) {
    try {
      return void execFileSync("redis-cli", ["-p", `${port}`, "ping"], { stdio: "ignore" });
    } catch { /* not yet */ }
  }
  throw new Error("Redis does not start");
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, "exit");
  child.kill("SIGKILL");
  await closed;
}

const out = `${folder}/sweep`, counts: Record<string, number> = {};
const rates = Array.from({ length: CELLS }, (_, i) => (0.01 * (i + 1)).toFixed(2));
let redis = startRedis(), ended = false, draws = 0, passed = 0, failed = 0;
const check = (what: string, right: boolean) => {
  if (right) passed++;
  else failed++;
  if (!right) console.log(`FAILED ${what}`);
};
await answers();
const sweep = start([
  ...["sweep", "configs/quickstart.yaml", "--set=dataset.trainExamples=128", "--set=dataset.testExamples=32"],
  ...["--set=network.1.conv.channels=8", "--set=network.3.conv.channels=8", "--set=training.batch=16"],
  ...[`--set=training.epochs=${EPOCHS}`, "--set=training.checkpointMinutes=1e-7"],
  ...["--grid", `training.learningRate.base=${rates}`, "--protocol=paper", "--out", out, ...jobs],
]);
sweep.child.on("exit", () => ended = true);
/** The first works at the far end of the cable. */
const startWorker = (at: number) =>
  at === 0 && cable !== null
    ? start(["sweep", "work", ...jobsAt(cable.address), "--silence=3"], cable.far)
    : start(["sweep", "work", ...jobs, "--silence=3"]);
const workers = Array.from({ length: WORKERS }, (_, at) => startWorker(at));
try {
  const started = performance.now();
  for (let done = 0; !ended && performance.now() - started < 1000 * (PATIENCE + APART * disturbances);) {
    await pause(1000 * (1 + (APART - 1) * unit(random, draws++)));
    for (const [at, { child, text }] of workers.entries()) {
      if (child.exitCode === null && child.signalCode === null) continue;
      const early = /^allcnn: Cannot reach Redis/m.test(text()); // it was started while Redis was away
      check(`a worker ended by itself: ${text()}`, child.signalCode === "SIGKILL" || early);
      workers[at] = startWorker(at);
    }
    if (done >= disturbances || ended) continue;
    const what = KINDS[Math.floor(KINDS.length * unit(random, draws++))]!;
    counts[what] = (counts[what] ?? 0) + 1;
    done++;
    if (what === "a worker killed") await kill(workers[Math.floor(WORKERS * unit(random, draws++))]!.child);
    else if (what === CUT) {
      cable!.cut();
      await pause(1000 + 14000 * unit(random, draws++)); // shorter and longer than the silence that a worker allows
      cable!.mend();
    } else {
      await kill(redis);
      if (what.endsWith("lost")) rmSync(`${folder}/redis`, { recursive: true });
      await pause(3000 * unit(random, draws++));
      redis = startRedis();
      await answers();
    }
    console.log(`${((performance.now() - started) / 1000).toFixed(0)} s: ${what}`);
  }
  if (!ended) console.log(`The sweep says: ${sweep.text().slice(-2000)}`);
  check(
    `the sweep ends with code 0, not ${sweep.child.exitCode}: ${sweep.text().slice(-500)}`,
    sweep.child.exitCode === 0,
  );
  const { cells }: SweepRecord = JSON.parse(readFileSync(`${out}/sweep.json`, "utf8"));
  check(`${CELLS} cells, not ${cells.length}`, cells.length === CELLS);
  for (const { id, state, folder: own, testError } of cells) {
    const path = `${out}/${own}/metrics.jsonl`;
    const rows = existsSync(path) ? readFileSync(path, "utf8").trim().split("\n").map((line) => JSON.parse(line)) : [];
    check(`${id} is ${state}`, state === "done");
    check(`${id} has epochs ${rows.map(({ epoch }) => epoch)}`, rows.every(({ epoch }, i) => epoch === i + 1));
    check(`${id} has ${rows.length} epochs`, rows.length === EPOCHS);
    check(`${id}: ${testError} is not its last error`, testError === rows.at(-1)?.testError);
    check(`${id} is reported once`, sweep.text().split(`${id}: test error`).length === 2);
  }
} finally {
  for (const child of [sweep.child, redis, ...workers.map((each) => each.child)]) await kill(child);
  cable?.remove();
}
rmSync(folder, { recursive: true });
for (const [what, count] of Object.entries(counts).sort()) console.log(`  ${String(count).padStart(4)} ${what}`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
