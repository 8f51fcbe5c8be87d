import { test } from "uvu";
import * as assert from "uvu/assert";
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { syntheticRows, writeSyntheticRun } from "../report/_synthetic_runs.ts";
import { allcnn, inFolder, SMALL } from "./_run.ts";

const rows = syntheticRows(350, 9.5);

/** The line of the Markdown report that names `config` first. */
const lineOf = (file: string, config: string) =>
  readFileSync(file, "utf8").split("\n").find((line) => line.includes(`<br>${config} |`))!;

test("report finds runs and sweeps in a tree, reads what they say, and names what is damaged", async () => {
  await inFolder(async (folder) => {
    const runs = `${folder}/runs`, out = `${folder}/report.md`;
    await writeSyntheticRun(`${runs}/allcnn-c-3`, "allcnn-c", rows);
    await writeSyntheticRun(`${runs}/deep/er/short-1`, "base-a", rows.slice(0, 6), ["training.epochs=6"]);
    await writeSyntheticRun(`${runs}/half-0`, "base-b", rows.slice(0, 100));
    await writeSyntheticRun(`${runs}/narrow-0`, "strided-c", rows, ["network.1.conv.channels=8"]);
    await writeSyntheticRun(`${runs}/damaged-0`, "base-c", rows);
    appendFileSync(`${runs}/damaged-0/metrics.jsonl`, "{oops\n");
    await writeSyntheticRun(`${runs}/configless-0`, "base-c", rows);
    rmSync(`${runs}/configless-0/config.yaml`);
    symlinkSync("..", `${runs}/deep/up`);
    const sweep = `${runs}/grid`,
      cells = [
        { folder: "strided-a/0.1-0", seed: 5, data: "all", state: "done", reason: null, rate: 0.1, error: 14 },
        {
          folder: "strided-a/0.1-0-held-out",
          seed: 5,
          data: "heldOut",
          state: "done",
          reason: null,
          rate: 0.1,
          error: 13,
        },
        { folder: "strided-a/0.05-0", seed: 5, data: "all", state: "diverged", reason: "stuck", rate: 0.05, error: 90 },
        {
          folder: "strided-a/0.25-0",
          seed: 5,
          data: "all",
          state: "failed",
          reason: "no device",
          rate: 0.25,
          error: null,
        },
        { folder: "strided-a/0.01-0", seed: 5, data: "all", state: "pending", reason: null, rate: 0.01, error: null },
      ];
    for (const { folder, rate, error } of cells) {
      const set = [`training.learningRate.base=${rate}`];
      if (error !== null) await writeSyntheticRun(`${sweep}/${folder}`, "strided-a", syntheticRows(350, error), set);
    }
    writeFileSync(`${sweep}/sweep.json`, JSON.stringify({ version: 1, cells }));

    const { code, stdout, stderr } = await allcnn([
      "report",
      `${runs}/allcnn-c-3`,
      `${runs}/`,
      `${sweep}`,
      "--out",
      out,
    ]);
    assert.is(code, 0, stderr);
    assert.match(stdout, `Written: ${out} (7 runs, 5 finished)`);
    const warnings = stderr.trim().split("\n").map((line) => line.replaceAll(runs, "RUNS")).sort();
    assert.is(warnings.length, 3, stderr);
    assert.match(warnings[0]!, /^allcnn: "RUNS\/configless-0" is left out: .* no config\.yaml/);
    assert.match(
      warnings[1]!,
      /^allcnn: "RUNS\/damaged-0" is left out: Cannot read ".*metrics\.jsonl": line 351 is not/,
    );
    assert.match(warnings[2]!, `"RUNS/grid/strided-a/0.25-0" failed before its first epoch: no device`);

    assert.match(lineOf(out, "allcnn-c"), "| 9.08 % | 9.50 % | 0.05 | — | — | 1 | 350 | ≈ 1.4 M | 1,369,738 |");
    assert.match(lineOf(out, "strided-a"), "| 13.46 % | 14.00 %<br>1 diverged | 0.1 | 14.00 % | 0.1 | 1 | 350 |");
    assert.match(lineOf(out, "base-b"), "| 10.20 % | —<br>1 unfinished | — | — | — | — | 100 of 350 |");
    assert.match(lineOf(out, "base-a"), /\| 12\.47 % \| [\d.]+ %<sup>a<\/sup> \| 0\.05 \| — \| — \| 1 \| 6 \|/);
    assert.match(lineOf(out, "strided-c"), "| 10.19 % | — | — | — | — | — | — | ≈ 1.3 M | 954,730 |");
    const text = readFileSync(out, "utf8");
    assert.match(text, "training.epochs: 6 instead of 350");
    assert.match(text, /network\.1\.conv\.channels: 8 instead of 96 \| 9\.50 %/);
    assert.match(text, "/allcnn-c-3 | allcnn-c | 0.05 | 3 | 350 of 350 | 9.50 % | test | finished |");
    assert.match(
      text,
      "/strided-a/0.1-0-held-out | strided-a | 0.1 | 5 | 350 of 350 | 13.00 % | held out | finished |",
    );

    const page = await allcnn(["report", `${runs}/allcnn-c-3`, "--out", `${folder}/sub/report.html`]);
    assert.is(page.code, 0, page.stderr);
    assert.match(
      readFileSync(`${folder}/sub/report.html`, "utf8"),
      /^<!doctype html>[^]*<td class="ours">9\.50 %<\/td>/,
    );
  });
});

test("of a real run: seed, and the end by iterations, are those of the checkpoint; a damaged one is named", async () => {
  await inFolder(async (folder) => {
    const run = `${folder}/mine`, out = `${folder}/report.md`;
    const train = [
      "train",
      "configs/quickstart.yaml",
      "--out",
      run,
      "--seed=7",
      ...SMALL,
      "--set=training.iterations=4",
    ];
    const trained = await allcnn(train); // 48 images in batches of 16: an epoch of 3 steps, and one of 1
    assert.is(trained.code, 0, trained.stderr);
    const { code, stdout, stderr } = await allcnn(["report", run, "--out", out]);
    assert.equal([code, stderr.trim()], [0, ""]);
    assert.match(stdout, "(1 run, 1 finished)");
    assert.match(
      readFileSync(out, "utf8"),
      /mine \| quickstart<br>.*<br>6 more \|.* \| 7 \| 2 \| .* finished \|/,
    );

    writeFileSync(`${run}/checkpoint.safetensors`, "damaged");
    rmSync(`${run}/checkpoint.previous.safetensors`, { force: true });
    const damaged = await allcnn(["report", run, "--out", out]);
    assert.match(damaged.stdout, "(1 run, 0 finished)"); // nothing tells any more
    assert.match(damaged.stderr, /checkpoint\.safetensors/);
    assert.match(readFileSync(out, "utf8"), /mine \| quickstart<br>.* \| — \| 2 \| .* unfinished \|/);
  });
});

test("report refuses in one line what it cannot do", async () => {
  await inFolder(async (folder) => {
    const out = `${folder}/report.html`;
    const refused = async (args: readonly string[], parts: readonly string[]) => {
      const { code, stderr } = await allcnn(["report", ...args]);
      assert.is(code, 1, stderr);
      assert.is(stderr.trim().split("\n").length, 1, stderr);
      for (const part of parts) assert.ok(stderr.includes(part), `${part} is not in ${stderr}`);
      assert.not(existsSync(out));
    };
    mkdirSync(`${folder}/empty/inside`, { recursive: true });
    writeFileSync(`${folder}/file`, "");
    await refused([], ["RUNS is missing"]);
    await refused([`${folder}/empty`, "--out", out], [`"${folder}/empty"`, "config.yaml", "metrics.jsonl"]);
    await refused([`${folder}/none`, "--out", out], [`"${folder}/none"`, "no such folder"]);
    await refused([`${folder}/file`, "--out", out], [`"${folder}/file"`, "it is a file"]);
    await writeSyntheticRun(`${folder}/run`, "base-a", rows.slice(0, 2));
    await refused([`${folder}/run`, "--out", `${folder}/report.pdf`], ["report.pdf", ".html, .md or .json"]);
  });
});

test.run();
