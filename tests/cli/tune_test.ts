import { test } from "uvu";
import * as assert from "uvu/assert";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TEXT } from "../configs/_tiny.ts";
import { allcnn, inFolder } from "./_run.ts";

const CONV = ["tune", "--conv=1,4,4,4,4,1,1,0"];

test("tune --conv measures a convolution once; report, sources, export and import tell of it", async () => {
  await inFolder(async (folder) => {
    const page = join(folder, "report.html"), file = join(folder, "tuned.json");
    const env = { ALLCNN_CACHE: join(folder, "cache") };
    const options = ["--only=forward", "--budget=8", `--report=${page}`, `--export=${file}`, "--show"];
    const { code, stdout, stderr } = await allcnn([...CONV, ...options], { env });
    assert.is(code, 0, stderr);
    assert.match(stdout, /^conv\/forward +[1-9]\d*\/\d+ +[\d.]+ +[\d.]+ +[\d.]+ % +[\d.]+x$/m);
    assert.match(stdout, /^\/\/ conv\/forward: conv_forward, /m);
    assert.match(stdout, /^@compute @workgroup_size/m);
    assert.match(stdout, /^Convolution 1,4,4,4,4,1,1,0, tuned ops, one by one: |the defaults are the fastest known$/m);
    const html = readFileSync(page, "utf8");
    assert.match(html, /^<!doctype html>/);
    assert.match(html, "conv_forward: f32[1,4,4,4], f32[1,1,4,4], f32[4] → f32[1,4,4,4]");
    assert.not.match(html, /https?:|src=|@import/); // nothing from elsewhere
    assert.match(html, /<span class="tag">winner<\/span>/);

    const { entries } = JSON.parse(readFileSync(file, "utf8")) as { entries: { rows: unknown[] }[] };
    assert.is(entries.length, 1);
    const other = { ALLCNN_CACHE: join(folder, "other") };
    const imported = await allcnn(["tune", `--import=${file}`], { env: other });
    assert.is(imported.code, 0, imported.stderr);
    assert.match(imported.stdout, "Imported 1 measured kernels");
    const [scope] = readdirSync(join(folder, "other/tune"));
    const [name] = readdirSync(join(folder, "other/tune", scope!));
    assert.equal(JSON.parse(readFileSync(join(folder, "other/tune", scope!, name!), "utf8")), entries[0]);

    const foreign = join(folder, "foreign.json");
    writeFileSync(foreign, JSON.stringify({ entries: [{ ...entries[0], scope: "{}" }] }));
    const refused = await allcnn(["tune", `--import=${foreign}`], { env: other });
    assert.is(refused.code, 1);
    assert.match(
      refused.stderr,
      /^allcnn: Cannot import ".*foreign.json": of one of its tunings, the device, driver, toggles or version of Dawn are others\n$/,
    );
  });
});

test("the second start of a training tunes nothing and computes the same; other modes measure nothing", async () => {
  await inFolder(async (folder) => {
    const config = join(folder, "tiny.yaml"), env = { ALLCNN_CACHE: join(folder, "cache") };
    writeFileSync(
      config,
      TEXT.replace(/dataset:.*/, "dataset: { name: shapes, preprocess: [{ gcn: { scale: 55 } }] }"),
    );
    const small = ["--train-examples=16", "--test-examples=16", "--epochs=1", "--set=training.batch=8"];
    const start = async (out: string, ...options: string[]) => {
      const { code, stdout, stderr } = await allcnn(
        ["train", config, `--out=${join(folder, out)}`, ...small, ...options],
        { env },
      );
      assert.is(code, 0, stderr);
      const { trainLoss, testLoss } = JSON.parse(readFileSync(join(folder, out, "metrics.jsonl"), "utf8"));
      return { stdout, losses: [trainLoss, testLoss] };
    };
    const first = await start("first", "--tune=search", "--tune-budget=8");
    assert.match(first.stdout, /^Tuned [1-9]\d* of \d+ kernels in \d+\.\d s, \d+ candidates: /m);
    const second = await start("second", "--tune=search", "--tune-budget=8");
    assert.not.match(second.stdout, "Tuned");
    assert.equal(second.losses, first.losses);
    const cached = await start("cached", "--tune=cached");
    assert.not.match(cached.stdout, "Tuned");
    assert.equal(cached.losses, first.losses);
    assert.not.match((await start("off", "--tune=off")).stdout, "Tuned");
    const resumed = await allcnn(["train", `--resume=${join(folder, "first")}`, "--exact"], { env });
    assert.is(resumed.code, 1);
    assert.match(resumed.stderr, "with other --exact, --safe or --matrix");
  });
});

test("wrong options are one line", async () => {
  for (
    const [args, message] of [
      [
        ["tune"],
        "CONFIG is missing: name a YAML file, or a config that comes along, as allcnn-c, or --conv n,h,w,ci,co,k,s,p",
      ],
      [
        ["tune", "--conv=1,2,3"],
        '--conv expects 8 whole numbers n,h,w,ci,co,k,s,p, as 128,32,32,96,96,3,1,1, got "1,2,3"',
      ],
      [[...CONV, "--only=("], /--only expects a regular expression, got "\("/],
      [[...CONV, "--only=pool"], "--only pool matches no op; there are conv/forward, conv/dx, conv/dw"],
      [
        ["bench", "configs/quickstart.yaml", "--batch=1", "--tune=all"],
        '--tune expects off, cached or search, got "all"',
      ],
      [
        ["bench", "configs/quickstart.yaml", "--batch=1", "--tune=off", "--tune-budget=3"],
        "--tune-budget cannot be used with --tune off",
      ],
    ] as const
  ) {
    const { code, stderr } = await allcnn(args);
    assert.is(code, 1, stderr);
    assert.match(stderr, message);
    assert.is(stderr.trim().split("\n").length, 1, stderr);
  }
});

test.run();
