/**
 * `npm run test:kill -- [--count N] [--seed N]`: kills a quickstart training at random moments, resumes it until it is
 * done, and again from the start until there were N kills. Each finished run must hold the same bytes as one that was
 * never disturbed: the whole checkpoint, and the metrics, times aside.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { key, unit } from "../../core/graph/random.ts";

const { values } = parseArgs({
  options: { count: { type: "string", default: "100" }, seed: { type: "string", default: "1" } },
});
const kills = Number(values.count), random = key(Number(values.seed), 0, 7);

/** Four steps an epoch, a checkpoint after almost each. */
const CONFIG = [
  "configs/quickstart.yaml",
  "--train-examples=128",
  "--test-examples=32",
  "--epochs=4",
  "--set=training.batch=32",
  "--set=training.checkpointMinutes=0.0005",
  "--set=network.1.conv.channels=8",
  "--set=network.3.conv.channels=8",
];

/** When a process is killed: so many seconds after it started, or after it began to train. */
interface Moment {
  readonly from: "start" | "training";
  readonly seconds: number;
}

interface Ended {
  readonly code: number | null;
  /** What it printed last, and on standard error. */
  readonly last: string;
  readonly errors: string;
  /** Seconds until it began to train, and until it ended. */
  readonly began: number;
  readonly ended: number;
}

/** Runs a command; SIGKILL at a moment, if it still runs then. */
function start(args: readonly string[], kill: Moment | null): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ["dist/allcnn.js", "train", ...args], { stdio: ["ignore", "pipe", "pipe"] });
    const started = performance.now(), now = () => (performance.now() - started) / 1000;
    let output = "", errors = "", began = 0, timer: ReturnType<typeof setTimeout> | undefined;
    const arm = (from: Moment["from"]) => {
      if (kill?.from === from) timer = setTimeout(() => child.kill("SIGKILL"), 1000 * kill.seconds);
    };
    arm("start");
    child.stdout.on("data", (data) => {
      output += data;
      if (began > 0 || !output.includes("Training ")) return;
      began = now();
      arm("training");
    });
    child.stderr.on("data", (data) => errors += data);
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ code, last: output.trimEnd().split("\n").at(-1) ?? "", errors, began, ended: now() });
    });
  });
}

/** What must be equal. */
function result(run: string): string {
  const rows = readFileSync(`${run}/metrics.jsonl`, "utf8").trim().split("\n").map((line) => {
    const { imagesPerSecond: _rate, seconds: _seconds, ...row } = JSON.parse(line);
    return JSON.stringify(row);
  });
  return `${rows.join("\n")}\n${readFileSync(`${run}/checkpoint.safetensors`).toString("base64")}`;
}

/** Where a kill hit, told by what was printed last and by what lies in the folder. */
function momentOf(last: string, run: string): string {
  const files = existsSync(run) ? readdirSync(run) : [];
  if (files.some((file) => file.startsWith("checkpoint.next."))) return "within a save";
  if (files.some((file) => file.endsWith(".tmp"))) return "within another write";
  if (last === "") return "before the device is open";
  if (last.startsWith("Device") || last.startsWith("Compiling")) return "while it compiles";
  return "in training and evaluation";
}

const folder = mkdtempSync(join(tmpdir(), "allcnn-kills-"));
const whole = join(folder, "whole"), started = performance.now();
const undisturbed = await start([...CONFIG, "--out", whole], null);
if (undisturbed.code !== 0) throw new Error(undisturbed.errors);
const expected = result(whole), moments: Record<string, number> = {};
const lengths = { start: undisturbed.began, training: undisturbed.ended - undisturbed.began };
console.log(`Undisturbed: ${lengths.start.toFixed(1)} s until it trains, ${lengths.training.toFixed(1)} s of training`);

/** A quarter while it starts. */
function drawMoment(index: number): Moment {
  const from = unit(random, 2 * index) < 0.25 ? "start" : "training";
  return { from, seconds: lengths[from] * unit(random, 2 * index + 1) };
}

let done = 0, draws = 0, runs = 0, wrong = 0;
while (done < kills) {
  const run = join(folder, `run${runs++}`);
  for (;;) {
    const args = existsSync(`${run}/checkpoint.safetensors`) || existsSync(`${run}/checkpoint.next.safetensors`)
      ? ["--resume", run]
      : [...CONFIG, "--out", run];
    const { code, last, errors } = await start(args, done < kills ? drawMoment(draws++) : null);
    if (code === 0) break;
    if (code !== null) {
      console.log(`FAILED: ${args.join(" ")}: exit code ${code}: ${errors}`);
      process.exit(1);
    }
    done++;
    const moment = momentOf(last, run);
    moments[moment] = (moments[moment] ?? 0) + 1;
  }
  const same = result(run) === expected, left = readdirSync(run).filter((file) => /\.tmp$|\.next\.|lock/.test(file));
  if (!same || left.length > 0) wrong++;
  console.log(
    `Run ${runs}: ${done} kills so far, ${same ? "the same bytes" : "OTHER BYTES"}${
      left.length > 0 ? `, left: ${left}` : ""
    }`,
  );
  rmSync(run, { recursive: true });
}
rmSync(folder, { recursive: true });
for (const [moment, count] of Object.entries(moments).sort()) console.log(`  ${String(count).padStart(4)} ${moment}`);
console.log(`${((performance.now() - started) / 1000).toFixed(0)} s, ${done} kills in ${runs} runs`);
console.log(`${runs - wrong} passed, ${wrong} failed`);
process.exit(wrong === 0 ? 0 : 1);
