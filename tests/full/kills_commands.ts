/**
 * `npm run test:kill:commands -- [--count N] [--seed N]`: kills sweeps, evaluations, tunings, exports and imports at
 * random moments. After each kill every output is absent or whole and other files of the folder are as they were; then the
 * command is run again to its end, and must give what it gives undisturbed. A sweep goes on until it has been killed
 * several times.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { key, unit } from "../../core/graph/random.ts";

const { values } = parseArgs({
  options: { count: { type: "string", default: "50" }, seed: { type: "string", default: "1" } },
});
const kills = Number(values.count), random = key(Number(values.seed), 0, 13);
const folder = mkdtempSync(join(tmpdir(), "allcnn-kills-")), run = join(folder, "run");
const SMALL = ["--set=dataset.trainExamples=64", "--set=dataset.testExamples=32", "--set=network.1.conv.channels=8"];
const TUNE = ["tune", "--conv", "1,8,8,4,4,3,1,1", "--budget", "1", "--fresh"];

interface Ended {
  readonly code: number | null;
  readonly errors: string;
  readonly seconds: number;
}

/** Runs a command; SIGKILL after so many seconds, if it still runs then. */
function start(args: readonly string[], killAfter: number | null): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ["dist/allcnn.js", ...args], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, ALLCNN_CACHE: join(folder, "cache") },
    });
    const started = performance.now(),
      timer = killAfter !== null && setTimeout(() => child.kill("SIGKILL"), 1000 * killAfter);
    let errors = "";
    child.stderr.on("data", (data) => errors += data);
    child.on("close", (code) => {
      if (timer !== false) clearTimeout(timer);
      resolve({ code, errors, seconds: (performance.now() - started) / 1000 });
    });
  });
}

interface Killed {
  readonly what: string;
  readonly args: (place: string) => readonly string[];
  /** Outputs, relative to the place. */
  readonly outputs: readonly string[];
  /** What of an output must be the same each time; throws where it is not whole. */
  readonly content: (path: string) => string;
}

const bytes = (path: string) => readFileSync(path).toString("base64");
/** Times differ from run to run. */
const parsed = (path: string) => typeof JSON.parse(readFileSync(path, "utf8"));
/** Rows and records without what is measured in seconds. */
const untimed = (path: string) =>
  path.endsWith(".safetensors")
    ? bytes(path)
    : readFileSync(path, "utf8").replace(/"(imagesPerSecond|seconds|id)": ?("[^"/]*"|[\d.e+-]+)/g, '"$1":0')
      .replace(/"attempts": ?\d+/g, '"attempts":0');

const CELLS = ["0.05", "0.02"].map((rate) => `sweep/quickstart/${rate}-0`);
const COMMANDS: readonly Killed[] = [
  {
    what: "sweep",
    args: (place) => [
      ...["sweep", "configs/quickstart.yaml", ...SMALL, "--set=training.epochs=3", "--set=training.batch=32"],
      ...["--set=training.checkpointMinutes=0.0005", "--grid", "training.learningRate.base=0.05,0.02"],
      ...["--protocol", "paper", "--out", `${place}/sweep`],
    ],
    outputs: CELLS.flatMap((cell) => [`${cell}/checkpoint.safetensors`, `${cell}/metrics.jsonl`, `${cell}/cell.json`]),
    content: untimed,
  },
  {
    what: "evaluate --predictions",
    args: (place) => ["evaluate", run, "--test-examples", "200", "--predictions", `${place}/p.jsonl`],
    outputs: ["p.jsonl"],
    content: bytes,
  },
  {
    what: "tune --export",
    args: (place) => [...TUNE, "--export", `${place}/t.json`, "--report", `${place}/t.html`],
    outputs: ["t.json"],
    content: parsed,
  },
  ...([["--onnx", "m.onnx"], ["--safetensors", "m.safetensors"], ["--torch", "m.py"]] as const).map((
    [option, name],
  ) => ({
    what: `export ${option}`,
    args: (place: string) => ["export", run, option, `${place}/${name}`, "--force"],
    outputs: [name],
    content: bytes,
  })),
];

const FOREIGN = ["notes.txt", "p.jsonl.tmp", "checkpoint.old.tmp", "sweep/notes.txt"];

/** What is wrong in a place after a kill. A sweep's files are whole, but not yet the last ones. */
function flawsIn(place: string, { what, outputs, content }: Killed, expected: readonly string[]): string[] {
  const flaws = FOREIGN.filter((name) =>
    !existsSync(`${place}/${name}`) || readFileSync(`${place}/${name}`, "utf8") !== name
  )
    .map((name) => `${name} of somebody else changed`);
  for (const [index, name] of outputs.entries()) {
    if (!existsSync(`${place}/${name}`)) continue;
    try {
      const found = content(`${place}/${name}`);
      if (what !== "sweep" && found !== expected[index]) flaws.push(`${name} is half written`);
      if (what === "sweep" && name.endsWith(".json")) parsed(`${place}/${name}`);
    } catch (error) {
      flaws.push(`${name}: ${(error as Error).message}`);
    }
  }
  return flaws;
}

function newPlace(name: string): string {
  const place = join(folder, name);
  mkdirSync(`${place}/sweep`, { recursive: true });
  for (const each of FOREIGN) writeFileSync(`${place}/${each}`, each);
  return place;
}

const made = await start(["train", "configs/quickstart.yaml", ...SMALL, "--epochs=1", "--out", run], null);
if (made.code !== 0) throw new Error(made.errors);
let passed = 0, failed = 0, draws = 0;
const judge = (what: string, flaws: readonly string[]) => {
  if (flaws.length === 0) passed++;
  else failed++;
  if (flaws.length > 0) console.log(`FAILED ${what}: ${flaws.join("; ")}`);
};
const share = Math.ceil(kills / COMMANDS.length), counts: Record<string, number> = {};
for (const command of COMMANDS) {
  const { what, args, outputs, content } = command, whole = newPlace("whole"), first = await start(args(whole), null);
  if (first.code !== 0) throw new Error(`${what}: ${first.errors}`);
  const expected = outputs.map((name) => content(`${whole}/${name}`));
  let hit = 0, ended = 0;
  while (hit < share && ended < 3 * share) {
    const place = newPlace("place");
    for (let tries = 0;; tries++) {
      const last = hit >= share || what !== "sweep" && tries > 0;
      const { code, errors } = await start(args(place), last ? null : first.seconds * unit(random, draws++));
      const flaws = flawsIn(place, command, expected);
      if (code === null) {
        hit++;
        judge(`${what}, kill ${hit}`, flaws);
        continue;
      }
      ended++;
      const other = code === 0 ? outputs.filter((name, i) => content(`${place}/${name}`) !== expected[i]) : [];
      judge(`${what}, run to its end`, [
        ...flaws,
        ...code === 0 ? [] : [`exit code ${code}: ${errors.trimEnd().split("\n").at(-1)}`],
        ...other.map((name) => `${name} is not what it is undisturbed`),
        ...(readdirSync(place, { recursive: true }) as string[]).filter((name) => /run\.lock$|\.next\./.test(name))
          .map((name) => `left ${name}`),
      ]);
      break;
    }
    rmSync(place, { recursive: true });
  }
  rmSync(whole, { recursive: true });
  counts[what] = hit;
  console.log(`${what}: ${hit} kills, ${ended} runs to the end, ${first.seconds.toFixed(1)} s undisturbed`);
}
rmSync(folder, { recursive: true });
console.log(`${Object.values(counts).reduce((a, b) => a + b)} kills`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
