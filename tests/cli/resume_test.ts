import { test } from "uvu";
import * as assert from "uvu/assert";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import process from "node:process";
import { decodeTensors } from "../../core/host/safetensors.ts";
import { allcnn, denoRun, execute, inFolder, SMALL, SMALL_NETWORK } from "./_run.ts";

const QUICKSTART = "configs/quickstart.yaml";

/** The bytes of every tensor of a run's checkpoint, as text. */
async function tensorsOf(run: string): Promise<string> {
  const path = `${run}/checkpoint.safetensors`;
  const { tensors } = await decodeTensors(new Uint8Array(readFileSync(path)), path);
  return Object.entries(tensors).map(([name, { data }]) => `${name} ${new Uint32Array(data.buffer).join()}`).join();
}

test("Ctrl-C saves and says how to go on, kill -9 loses nothing that was saved; both resume byte-exactly", () =>
  inFolder(async (folder) => {
    const [whole, stopped, killed] = ["whole", "stopped", "killed"].map((name) => `${folder}/${name}`);
    const args = ["train", QUICKSTART, ...SMALL];
    const done = await allcnn([...args, "--out", whole!]);
    assert.is(done.code, 0, done.stderr);
    const expected = await tensorsOf(whole!);

    const afterEpoch = (signal: "SIGINT" | "SIGKILL") => (text: string) => /epoch 1\/3/.test(text) ? signal : null;
    const first = await allcnn([...args, "--out", stopped!], { stopWhen: afterEpoch("SIGINT") });
    assert.is(first.code, 130);
    assert.match(first.stdout, new RegExp(`Go on with: node .*dist/allcnn.js train --resume ${stopped}`));
    assert.is((await allcnn(["train", "--resume", stopped!])).code, 0);
    assert.ok(await tensorsOf(stopped!) === expected, "after Ctrl-C");

    await allcnn([...args, "--out", killed!], { stopWhen: afterEpoch("SIGKILL") });
    const lock = `${killed}/run.lock`, left = readFileSync(lock, "utf8");
    writeFileSync(lock, JSON.stringify({ ...JSON.parse(left), pid: process.pid, started: null }));
    const second = await allcnn(["train", "--resume", killed!]);
    assert.is(second.code, 1);
    const who = `process ${process.pid} on ${hostname()}`;
    assert.match(
      second.stderr,
      new RegExp(`^allcnn: Cannot write into "${killed}": ${who}, since .* is training there.*\n$`),
    );
    writeFileSync(lock, left); // of the killed process: no obstacle
    assert.is((await allcnn(["train", QUICKSTART, ...SMALL, "--resume", killed!])).code, 0);
    assert.ok(await tensorsOf(killed!) === expected, "after kill -9");

    const piped = `${folder}/piped`, command = [...args, "--out", piped].join(" ");
    const head = await execute("bash", ["-c", `node dist/allcnn.js ${command} | head -1`]);
    assert.is(head.stderr, "");
    assert.ok(await tensorsOf(piped) === expected, "where nobody reads what it prints");

    for (const run of [whole!, stopped!, killed!]) {
      const rows = readFileSync(`${run}/metrics.jsonl`, "utf8").trim().split("\n").map((line) => JSON.parse(line));
      assert.equal(rows.map(({ epoch }) => epoch), [1, 2, 3]);
      const keys = "epoch,learningRate,trainLoss,trainError,testLoss,testError,imagesPerSecond,seconds";
      assert.is(Object.keys(rows[0]).join(), keys);
      for (const file of ["config.yaml", "curves.png"]) assert.ok(existsSync(`${run}/${file}`), file);
    }
    // Of a config.yaml that somebody edited, notes stay; other values are neither lost nor passed over.
    const config = `${whole}/config.yaml`, before = readFileSync(config, "utf8");
    writeFileSync(config, before.replace("batch: 16", "batch: 8"));
    const changed = await allcnn(["train", "--resume", whole!, "--epochs", "4"]);
    assert.match(changed.stderr, /config.yaml was changed, training.batch is 8 there and 16 in its checkpoint; undo/);
    writeFileSync(config, before.replace("epochs: 3", "epochs: 4"));
    assert.match(
      (await allcnn(["train", "--resume", whole!])).stderr,
      /training.epochs is 4 there .*, or --epochs N says which/,
    );
    assert.match(readFileSync(config, "utf8"), "epochs: 4");
    writeFileSync(config, `# my notes\n${before.replace("testExamples: 64", "testExamples: 32")}`);
    const told = await allcnn(["evaluate", whole!]);
    assert.match(
      told.stdout,
      /config.yaml" was changed: dataset.testExamples is 32 there and 64 in its checkpoint, which/,
    );
    writeFileSync(config, `# my notes\n${before}`);
    const longer = await allcnn(["train", "--resume", whole!, "--epochs", "4"]);
    assert.is(longer.code, 0, longer.stderr);
    assert.match(readFileSync(config, "utf8"), "epochs: 4");
    assert.match(longer.stdout, /epoch 4\/4/);
  }));

test("evaluate prints what training measured last, and writes one line per image", () =>
  inFolder(async (folder) => {
    const run = `${folder}/run`, file = `${folder}/predictions.jsonl`;
    assert.is((await allcnn(["train", QUICKSTART, ...SMALL, "--out", run])).code, 0);
    const { testError, testLoss } = JSON.parse(readFileSync(`${run}/metrics.jsonl`, "utf8").trim().split("\n").at(-1)!);
    const { stdout } = await allcnn(["evaluate", run, "--predictions", file]);
    assert.match(stdout, `64 images: loss ${testLoss.toFixed(4)}, error ${testError.toFixed(2)} %`);
    const lines = readFileSync(file, "utf8").trim().split("\n").map((line) => JSON.parse(line));
    assert.is(lines.length, 64);
    const wrong = lines.filter(({ label, predicted }) => label !== predicted).length;
    assert.is((100 * wrong / 64).toFixed(2), testError.toFixed(2));
    assert.ok(
      lines.every(({ logits, predicted, index }, n) => logits[predicted] === Math.max(...logits) && index === n),
    );
  }));

test("Deno trains, resumes byte-exactly and evaluates as Node does", () =>
  inFolder(async (folder) => {
    const [whole, stopped] = [`${folder}/whole`, `${folder}/stopped`];
    const done = await denoRun(["allcnn.ts", "train", QUICKSTART, ...SMALL, "--out", whole]);
    if (done === null) return console.log("skipped: Deno is not installed");
    assert.is(done.code, 0, done.stderr);
    const stopWhen = (text: string) => /epoch 1\/3/.test(text) ? "SIGINT" as const : null;
    assert.is((await denoRun(["allcnn.ts", "train", QUICKSTART, ...SMALL, "--out", stopped], { stopWhen }))!.code, 130);
    assert.is((await denoRun(["allcnn.ts", "train", "--resume", stopped]))!.code, 0);
    assert.ok(await tensorsOf(stopped) === await tensorsOf(whole), "resumed in Deno");
    const inNode = await allcnn(["evaluate", whole]), inDeno = await denoRun(["allcnn.ts", "evaluate", whole]);
    assert.is(inDeno!.stdout.split("\n").at(-2), inNode.stdout.split("\n").at(-2));
    const timing = ["--batch", "16", "--steps", "1", "--json", `${folder}/b.json`];
    const bench = await denoRun(["allcnn.ts", "bench", QUICKSTART, ...SMALL_NETWORK, ...timing]);
    assert.is(bench!.code, 0, bench!.stderr);
    const figures = JSON.parse(readFileSync(`${folder}/b.json`, "utf8"));
    assert.ok(figures.imagesPerSecond > 0 && figures.plannedBytes > 0 && figures.ops.length > 10);
  }));

test.run();
