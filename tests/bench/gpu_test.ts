/** bench/gpu.sh with a program that does nothing: which steps it takes, in which order, with which options and time. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { inFolder } from "../cli/_run.ts";

/** The start.sh of a bundle: writes down what it is asked for, and what gpu.sh reads of it. */
const START = (device: string, note: string) =>
  `#!/bin/sh
echo "$*" >>"$CALLS"
echo "Device: a GPU${device}"
case $* in *f16*) echo "${note}" ;; esac
while [ "$#" -gt 0 ]; do
  case $1 in
  --json) echo '{ "imagesPerSecond": 1000.5, "stepSeconds": 2 }' >"$2" ;;
  --out | --resume) mkdir -p "$2" && printf '{"epoch":1,"imagesPerSecond":7,"seconds":1}\\n{"imagesPerSecond":3500}\\n' >"$2/metrics.jsonl" ;;
  esac
  shift
done
`;

/** What gpu.sh asks the program for, and its summary. */
function measured(folder: string, device: string, note = ""): { calls: string[]; summary: string } {
  fs.mkdirSync(join(folder, "bench"));
  fs.mkdirSync(join(folder, "program/peers"), { recursive: true });
  fs.copyFileSync("bench/gpu.sh", join(folder, "bench/gpu.sh"));
  fs.writeFileSync(join(folder, "start.sh"), START(device, note));
  for (const name of ["manifest.txt", "program/peers/run.mjs", "calls"]) fs.writeFileSync(join(folder, name), "");
  const { ALLCNN_DATA: _data, ...env } = process.env, calls = join(folder, "calls");
  const { status, stderr } = spawnSync("sh", [join(folder, "bench/gpu.sh"), "--out", join(folder, "out")], {
    env: { ...env, CALLS: calls },
    encoding: "utf8",
  });
  assert.is(status, 0, stderr);
  return {
    calls: fs.readFileSync(calls, "utf8").trim().split("\n").filter((call) => !call.endsWith("known.json")),
    summary: fs.readFileSync(join(folder, "out/summary.md"), "utf8"),
  };
}

/** Batch, settings and device of a call. */
const ways = (calls: readonly string[], command: string) =>
  calls.filter((call) => call.startsWith(`${command} `)).map((call) =>
    call.match(/--batch \d+( --set \S+)?( --matrix)?/)![0]
  );

/** Seconds for an answer of the last peers: a third of what is left to the last step. */
const lastTimeout = (calls: readonly string[]) => Number(calls.at(-1)!.match(/--timeout (\d+)/)![1]);

const WAYS = ["--batch 128", "--batch 512", "--batch 512 --set precision=f16"];
const runsHere = process.platform === "linux" && spawnSync("timeout", ["--version"]).status === 0;

if (runsHere) {
  test("gpu.sh tunes every way to compute before it benches it, and trains in float32 and on matrix units", async () => {
    await inFolder((folder) => {
      const { calls, summary } = measured(folder, "; matrix units of 16x16x16");
      const commands = calls.map((call) => call.split(" ")[0]!);
      assert.equal([...new Set(commands)], ["--doctor", "--check", "tune", "bench", "train", "--node"]);
      const all = [...WAYS, "--batch 512 --set precision=f16 --matrix"];
      assert.equal([ways(calls, "tune"), ways(calls, "bench")], [all, all]);
      assert.ok(calls.filter((call) => call.startsWith("bench")).every((call) => call.includes("--tune cached")));
      const [, , half, resumed] = calls.filter((call) => call.startsWith("train"));
      assert.match(half!, /precision=f16 --set training\.batch=512 --matrix --tune cached --epochs 1/);
      assert.match(resumed!, /--resume \S+run-f16 --epochs 2 --matrix$/);
      // The shares add up to all of the 570 seconds: what nobody used is left to the last step.
      const seconds = lastTimeout(calls);
      assert.ok(seconds > 170 && seconds <= 190, `${seconds} s for the last peers`);
      assert.match(summary, /\n\| bench-512-matrix \| configs\/allcnn-c\.yaml \| 1000\.5 \| 17491 s \|\n/);
      assert.match(summary, /\n\| resume-f16 \| .*quickstart\.yaml, batch 512, matrix units \| 3500\.0 \| 5000 s \|\n/);
      return Promise.resolve();
    });
  });

  test("gpu.sh leaves out matrix units where there are none, and rates of a precision that a device has not", async () => {
    await inFolder((folder) => {
      const { calls, summary } = measured(folder, "", "precision f16: this device has no shader-f16");
      assert.equal([ways(calls, "tune"), ways(calls, "bench")], [WAYS, WAYS]);
      assert.is(calls.some((call) => call.startsWith("train") && call.includes("--matrix")), false);
      assert.match(summary, /\| bench-512-matrix \| skipped: this device has no matrix units that can be used \|/);
      const rated = summary.split("350 epochs of")[1]!.match(/^\| [\w-]+ \| configs/gm);
      assert.equal(rated, ["bench-128", "bench-512", "resume"].map((step) => `| ${step} | configs`));
      const seconds = lastTimeout(calls);
      assert.ok(seconds > 170 && seconds <= 190, `${seconds} s for the last peers`);
      return Promise.resolve();
    });
  });
}

test.run();
