/**
 * `npm run test:fuzz -- [--cases N] [--seed N] [--log FILE] [--case N]`: damaged configs, checkpoints and data files (_cases.ts),
 * one line of JSON each in the log, the inputs of failures beside it. A run that was broken off goes on where its log
 * ends; --case repeats one. The cases run in a child process, so that one that hangs or ends the process is a failure like any other.
 */
import { spawn } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { openDevice } from "../../core/device/device.ts";
import { type Outcome, prepareCase, runCase } from "./_cases.ts";
import { originals } from "./_originals.ts";
import { shaderCheck } from "./_shaders.ts";

const { values } = parseArgs({
  options: {
    cases: { type: "string", default: "10000" },
    seed: { type: "string", default: "1" },
    log: { type: "string", default: "dist/fuzz/cases.jsonl" },
    case: { type: "string" },
    child: { type: "boolean", default: false },
  },
});
const cases = Number(values.cases), seed = Number(values.seed), log = values.log;

/** A case that takes longer than this hangs; more memory than this is a blow-up. */
const HANG_SECONDS = 120, MEMORY_MIB = 3000;

/** Between two looks at the log. */
const LOOK_SECONDS = 0.5;

/** The outcomes in the log. What follows the last end of a line was being written when a run was killed. */
function logged(): Outcome[] {
  const whole = readFileSync(log, "utf8").replace(/[^\n]*$/, "");
  writeFileSync(log, whole);
  return whole.split("\n").filter((line) => line !== "").slice(1).map((line) => JSON.parse(line));
}

const append = (outcome: Outcome) => appendFileSync(log, `${JSON.stringify(outcome)}\n`);

async function child(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "allcnn-fuzz-"));
  const context = await openDevice();
  const from = await originals(folder, shaderCheck(context));
  let peak = process.resourceUsage().maxRSS / 1024;
  for (let number = logged().length; number < cases; number++) {
    const outcome = await runCase(
      seed,
      number,
      from,
      (input) => writeFileSync(`${dirname(log)}/${number}.input`, input),
    );
    const now = process.resourceUsage().maxRSS / 1024, blown = now > MEMORY_MIB && now > peak + 500;
    peak = Math.max(peak, now);
    append(blown ? { ...outcome, outcome: "failed", message: `took memory: ${now.toFixed(0)} MiB` } : outcome);
  }
  rmSync(folder, { recursive: true });
  process.exit(0);
}

/** Runs the child until it ends or hangs. */
async function watch(): Promise<void> {
  const args = ["--enable-source-maps", fileURLToPath(import.meta.url), ...process.argv.slice(2), "--child"];
  const running = spawn(process.execPath, args, { stdio: ["ignore", "inherit", "pipe"] });
  let errors = "", size = statSync(log).size, idle = 0, why = "ended the process";
  running.stderr.on("data", (data) => errors = (errors + data).slice(-4000));
  const timer = setInterval(() => {
    const now = statSync(log).size; // counted in looks, not by the clock, which goes on while everything is halted
    idle = now === size ? idle + LOOK_SECONDS : 0;
    size = now;
    if (idle > HANG_SECONDS) {
      why = `hung for ${HANG_SECONDS} s`;
      running.kill("SIGKILL");
    }
  }, 1000 * LOOK_SECONDS);
  const code = await new Promise<number | null>((resolve) => running.on("close", resolve));
  clearInterval(timer);
  if (code === 0) return;
  const number = logged().length;
  append({ case: number, subject: "?", how: "?", outcome: "failed", message: `${why}: ${errors}`, seconds: 0 });
}

async function parent(): Promise<void> {
  const header = JSON.stringify({ seed });
  mkdirSync(dirname(log), { recursive: true });
  if (!existsSync(log)) appendFileSync(log, `${header}\n`);
  if (readFileSync(log, "utf8").split("\n")[0] !== header) {
    console.error(`${log} is the log of another seed; name another file with --log`);
    process.exit(1);
  }
  const started = performance.now();
  while (logged().length < cases) await watch();
  const done = logged().slice(0, cases), failed = done.filter(({ outcome }) => outcome === "failed");
  for (const { case: number, subject, how, message } of failed) {
    console.log(
      `FAILED case ${number}, ${subject}, ${how}: ${message.split("\n").slice(0, 3).join(" ").slice(0, 400)}`,
    );
  }
  for (const subject of [...new Set(done.map((each) => each.subject))].sort()) {
    const own = done.filter((each) => each.subject === subject);
    const count = (outcome: string) => own.filter((each) => each.outcome === outcome).length;
    console.log(
      `  ${subject.padEnd(12)} ${own.length} cases: ${count("refused")} refused, ${count("read")} read, ${
        count("failed")
      } failed`,
    );
  }
  console.log(
    `Slowest: ${Math.max(...done.map(({ seconds }) => seconds)).toFixed(2)} s; ` +
      `${((performance.now() - started) / 1000).toFixed(0)} s in all`,
  );
  console.log(`${done.length - failed.length} passed, ${failed.length} failed`);
  process.exit(failed.length === 0 ? 0 : 1);
}

/** One case again, in this process. */
async function repeat(number: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "allcnn-fuzz-"));
  const from = await originals(folder, shaderCheck(await openDevice()));
  const { how, subject, input } = await prepareCase(seed, number, from), path = `${dirname(log)}/${number}.input`;
  mkdirSync(dirname(log), { recursive: true });
  writeFileSync(path, input);
  console.log(`${subject}, ${how}, the input is in ${path}`);
  console.log(await runCase(seed, number, from, () => {}));
  rmSync(folder, { recursive: true });
  process.exit(0);
}

await (values.case !== undefined ? repeat(Number(values.case)) : values.child ? child() : parent());
