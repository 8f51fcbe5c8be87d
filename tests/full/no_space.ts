/**
 * `npm run test:space`: every command that writes, into a file system that is full and into one that is read-only. Each
 * must end with one line that says so, without a stack trace, leave no file half written and touch no other. Needs Linux
 * and root, for the two file systems.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

const folder = mkdtempSync(join(tmpdir(), "allcnn-space-"));
const run = join(folder, "run"), cache = join(folder, "cache"), config = "configs/quickstart.yaml";
const SMALL = ["--train-examples=128", "--test-examples=32", "--epochs=1", "--set=network.1.conv.channels=8"];

function allcnn(args: readonly string[], ownCache = cache, stdout: "pipe" | number = "pipe") {
  const env = { ...process.env, ALLCNN_CACHE: ownCache };
  return spawnSync(process.execPath, ["dist/allcnn.js", ...args], {
    env,
    encoding: "utf8",
    stdio: ["ignore", stdout, "pipe"],
    timeout: 300_000,
  });
}

const made = allcnn(["train", config, ...SMALL, "--out", run]);
if (made.status !== 0) throw new Error(made.stderr);
const torch = join(folder, "torch.safetensors");
allcnn(["export", run, "--safetensors", torch, "--layout", "pytorch"]);
const picture = join(folder, "picture.png");
allcnn(["augment", config, "--images", "1", "--variants", "1", "--out", picture]);

/** The command, and its arguments with outputs in `place`. */
const WRITES: readonly [what: string, args: (place: string) => readonly string[]][] = [
  ["train", (place) => ["train", config, ...SMALL, "--out", `${place}/run`]],
  ["train --resume", (place) => ["train", "--resume", `${place}/copy`, "--epochs", "2"]],
  [
    "sweep",
    (
      place,
    ) => [
      "sweep",
      config,
      ...SMALL.slice(3),
      "--set=training.epochs=1",
      "--grid",
      "training.learningRate.base=0.05",
      "--protocol",
      "paper",
      "--out",
      `${place}/sweep`,
    ],
  ],
  [
    "evaluate --predictions",
    (place) => ["evaluate", run, "--test-examples", "32", "--predictions", `${place}/p.jsonl`],
  ],
  ["visualize", (place) => ["visualize", run, picture, "--layer", "conv1", "--out", `${place}/figures`]],
  ["visualize --raw", (place) => ["visualize", run, "--filters", "--raw", "--out", `${place}/filters`]],
  ["augment", (place) => ["augment", config, "--images", "2", "--variants", "2", "--out", `${place}/a.png`]],
  ["report, a page", (place) => ["report", run, "--out", `${place}/r.html`]],
  ["report, Markdown", (place) => ["report", run, "--out", `${place}/r.md`]],
  ["bench --json", (place) => ["bench", config, "--batch", "4", "--steps", "1", "--json", `${place}/b.json`]],
  [
    "bench --trace",
    (place) => ["bench", config, "--batch", "4", "--steps", "1", "--profile", "--trace", `${place}/t.json`],
  ],
  ["tune --report", (place) => ["tune", "--conv", "1,8,8,4,4,3,1,1", "--budget", "1", "--report", `${place}/t.html`]],
  ["tune --export", (place) => ["tune", "--conv", "1,8,8,4,4,3,1,1", "--budget", "1", "--export", `${place}/t.json`]],
  ["export --onnx", (place) => ["export", run, "--onnx", `${place}/m.onnx`]],
  ["export --safetensors", (place) => ["export", run, "--safetensors", `${place}/m.safetensors`]],
  ["export --torch", (place) => ["export", run, "--torch", `${place}/m.py`]],
  [
    "import",
    (
      place,
    ) => [
      "import",
      torch,
      "--layout",
      "pytorch",
      "--config",
      join(run, "config.yaml"),
      "--out",
      `${place}/i.safetensors`,
    ],
  ],
];

/** What ends the work of a command, and what may be left of it. */
const REASON = { full: /no space left on the disk/, "read-only": /the file system is read-only/ };

let passed = 0;
const failures: string[] = [];
function check(what: string, flaws: readonly string[]): void {
  if (flaws.length === 0) passed++;
  else failures.push(`${what}: ${flaws.join("; ")}`);
  console.log(
    `${flaws.length === 0 ? "ok    " : "FAILED"} ${what}${flaws.length === 0 ? "" : `: ${flaws.join("; ")}`}`,
  );
}

function flawsOf({ status, stderr, stdout }: ReturnType<typeof allcnn>, reason: RegExp, place: string): string[] {
  const text = `${stderr ?? ""}${stdout ?? ""}`,
    lines = (stderr ?? "").split("\n").filter((line) => line.startsWith("allcnn: "));
  const left = (readdirSync(place, { recursive: true }) as string[]).filter((name) => /\.tmp$|\.part$/.test(name));
  return [
    ...(status === 0 || status === null ? [`exit code ${status}`] : []),
    ...(lines.length === 1 && reason.test(lines[0]!)
      ? []
      : [`it said: ${lines.join(" | ") || text.trimEnd().split("\n").at(-1)}`]),
    ...(/internal error|^\s+at .*:\d+/m.test(text) ? ["a stack trace or internal error"] : []),
    ...(left.length > 0 ? [`left ${left}`] : []),
    ...(readFileSync(`${place}/mine.txt`, "utf8") === "mine" ? [] : ["a file of somebody else changed"]),
  ];
}

for (const [kind, reason] of Object.entries(REASON)) {
  for (const [what, args] of WRITES) {
    const place = join(folder, kind);
    mkdirSync(place, { recursive: true });
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", place]);
    try {
      writeFileSync(`${place}/mine.txt`, "mine");
      execFileSync("cp", ["-r", run, `${place}/copy`]);
      if (kind === "full") spawnSync("dd", ["if=/dev/zero", `of=${place}/filler`, "bs=1k"]); // until nothing is left
      else execFileSync("mount", ["-o", "remount,ro", place]);
      check(`${kind}: ${what}`, flawsOf(allcnn(args(place)), reason, place));
    } finally {
      execFileSync("umount", [place]);
    }
  }
}
rmSync(folder, { recursive: true });
console.log(`${passed} passed, ${failures.length} failed`);
process.exit(failures.length === 0 ? 0 : 1);
