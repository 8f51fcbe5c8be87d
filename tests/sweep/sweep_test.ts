/** Sweeps as a user runs them, on generated images: in one process, and with workers through Redis. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import process from "node:process";
import type { SweepRecord } from "../../sweep/record.ts";
import { allcnn, inFolder } from "../cli/_run.ts";

const EPOCHS = 15;

/** A network of two convolutions, whose steps take milliseconds. */
const CONFIG = `
name: tiny
dataset: { name: shapes, trainExamples: 80, testExamples: 40, augment: { pad: 2, flip: true } }
network:
  - { conv: { name: conv1, channels: 8, kernel: 3, stride: 2, padding: same, activation: relu } }
  - { dropout: { rate: 0.2 } }
  - { conv: { name: conv3, channels: 10, kernel: 1 } }
  - globalAveragePool
training:
  epochs: ${EPOCHS}
  batch: 16
  optimizer: { sgd: { momentum: 0.9, weightDecay: 0.001 } }
  learningRate: { base: 0.05 }
  init: { heNormal: {} }
  checkpointMinutes: 1e-7
`;

/** The config, in a file of a test's folder. */
function configIn(folder: string): string {
  writeFileSync(`${folder}/tiny.yaml`, CONFIG);
  return `${folder}/tiny.yaml`;
}

const RATES = (text: string) => ["--grid", `training.learningRate.base=${text}`];

const recordIn = (out: string): SweepRecord => JSON.parse(readFileSync(`${out}/sweep.json`, "utf8"));
const rowsIn = (run: string): string[] =>
  existsSync(`${run}/metrics.jsonl`) ? readFileSync(`${run}/metrics.jsonl`, "utf8").trim().split("\n") : [];

/** Waits until `ready` says so. */
async function until(ready: () => boolean, what: string, seconds = 120): Promise<void> {
  for (let waited = 0; !ready(); waited += 0.05) {
    if (waited > seconds) throw new Error(`waited ${seconds} s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** `allcnn ...` that goes on while the test looks at it; `text` is all that it has printed. */
function start(args: readonly string[]) {
  const child = spawn(process.execPath, ["dist/allcnn.js", ...args], { stdio: "pipe" });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data: Uint8Array) => text += new TextDecoder().decode(data));
  }
  return { child, text: () => text };
}

test("the sound protocol: rates on held-out images, Ctrl-C, the same command goes on and retrains with the best", () =>
  inFolder(async (folder) => {
    const out = `${folder}/sweep`, held = `${out}/tiny/0.03-0-held-out`;
    const args = ["sweep", configIn(folder), ...RATES("0.03,1e30"), "--protocol=sound", "--hold-out=64", "--out", out];
    const first = start(args);
    try {
      await until(() => rowsIn(held).length > 0, "an epoch");
      const ended = once(first.child, "close");
      first.child.kill("SIGINT");
      assert.is((await ended)[0], 130, first.text());
    } finally {
      first.child.kill("SIGKILL");
    }
    assert.match(first.text(), /^Stopped\. The same command goes on$/m);
    assert.equal(recordIn(out).cells.map(({ state }) => state), ["pending", "pending"]);
    const before = rowsIn(held);

    const { code, stdout, stderr } = await allcnn(args);
    assert.is(code, 0, stderr);
    assert.equal(rowsIn(held).slice(0, before.length), before);
    assert.equal(recordIn(out).cells.map(({ id, state }) => `${id} ${state}`), [
      "tiny/0.03-0-held-out done",
      "tiny/1e+30-0-held-out diverged",
      "tiny/0.03-0 done",
    ]);
    const [result] = recordIn(out).results;
    assert.is(result!.complete, true);
    assert.is(result!.testError, JSON.parse(rowsIn(`${out}/tiny/0.03-0`).at(-1)!).testError);
    assert.match(stdout, /^tiny, chosen on held-out images: \d+\.\d\d % at 0\.03, where these had \d+\.\d\d %$/m);
    assert.match(stdout, /1e\+30-0-held-out: stopped after epoch 0, it diverged: The loss became /);
    assert.match(readFileSync(`${held}/config.yaml`, "utf8"), /holdOut: 64/);
  }));

/** A port that is free now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

function redisServer(): string | null {
  try {
    return execFileSync("sh", ["-c", "command -v redis-server"], { encoding: "utf8" }).trim();
  } catch {
    return null;
  }
}

test("a Redis that is down is one line, and nothing is left behind", () =>
  inFolder(async (folder) => {
    const port = await freePort(), url = `redis://user:secret@127.0.0.1:${port}`;
    const line =
      `allcnn: Cannot reach Redis at redis://127.0.0.1:${port}: connect ECONNREFUSED 127.0.0.1:${port}; start it, ` +
      "or leave --jobs out to train on this machine\n";
    for (const args of [["sweep", configIn(folder), "--out", `${folder}/sweep`], ["sweep", "work"]]) {
      const { code, stderr } = await allcnn([...args, "--jobs", url]);
      assert.equal([code, stderr], [1, line]);
    }
    assert.not(existsSync(`${folder}/sweep`));
  }));

test("workers through Redis: the cell of one that is killed goes on with another, none is lost or done twice", async () => {
  const server = redisServer();
  if (server === null) return console.log("skipped: redis-server is not installed");
  await inFolder(async (folder) => {
    const out = `${folder}/sweep`, port = await freePort(), jobs = ["--jobs", `redis://127.0.0.1:${port}`];
    mkdirSync(`${folder}/redis`);
    const redis = spawn(
      server,
      ["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--dir", `${folder}/redis`],
      {
        stdio: "ignore",
      },
    );
    const children: ChildProcess[] = [redis];
    const work = () => {
      const worker = start(["sweep", "work", ...jobs, "--silence=2"]);
      children.push(worker.child);
      return worker;
    };
    try {
      await until(() => {
        try {
          execFileSync("redis-cli", ["-p", `${port}`, "ping"], { stdio: "ignore" });
          return true;
        } catch {
          return false;
        }
      }, "Redis");
      const args = ["sweep", configIn(folder), ...RATES("0.03,0.01"), "--protocol=paper", "--out", out, ...jobs];
      const sweep = allcnn(args);
      await until(() => existsSync(`${out}/sweep.json`), "the sweep");
      const refused = await allcnn(args);
      assert.is(refused.code, 1);
      assert.match(refused.stderr, /^allcnn: Cannot write into ".*sweep": process \d+ on .* is training there.*\n$/);
      const doomed = work(), run = `${out}/tiny/0.03-0`, other = `${out}/tiny/0.01-0`;
      const started = () => [run, other].find((each) => rowsIn(each).length >= 2);
      await until(() => started() !== undefined, `two epochs; the worker says: ${doomed.text()}`);
      doomed.child.kill("SIGKILL");
      await once(doomed.child, "close");
      const interrupted = started()!, before = rowsIn(interrupted);
      assert.ok(before.length < EPOCHS, "killed too late to tell anything");
      assert.ok(existsSync(`${interrupted}/run.lock`));
      const heir = work();
      const { code, stdout, stderr } = await sweep;
      assert.is(code, 0, `${stderr}${heir.text()}`);
      assert.match(stdout, /2 of 2 runs done$/m);
      for (const each of [run, other]) {
        assert.equal(rowsIn(each).map((row) => JSON.parse(row).epoch), Array.from({ length: EPOCHS }, (_, i) => i + 1));
      }
      // The last row may have been written after the last checkpoint: then that epoch was evaluated again.
      const kept = before.slice(0, -1);
      assert.equal(rowsIn(interrupted).slice(0, kept.length), kept, "it went on from the checkpoint");
      const { cells } = recordIn(out);
      assert.equal(cells.map(({ id, state }) => `${id} ${state}`), [
        "tiny/0.03-0 done",
        "tiny/0.01-0 done",
      ]);
      for (const cell of cells) {
        assert.is(cell.testError, JSON.parse(rowsIn(`${out}/${cell.folder}`).at(-1)!).testError);
        // A slow machine may hand a cell out again that is over; it is not trained again, and counted once.
        assert.is(heir.text().split(`into ${out}/${cell.folder}\n`).length, 2, "trained once");
        assert.is(stdout.split(`${cell.id}: test error`).length, 2, "reported once");
      }
      heir.child.kill("SIGINT");
      const [ended] = await once(heir.child, "close");
      assert.is(ended, 0, heir.text());
    } finally {
      for (const child of children) child.kill("SIGKILL");
    }
  });
});

test.run();
