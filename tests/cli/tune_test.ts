import { test } from "uvu";
import * as assert from "uvu/assert";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { allcnn, inFolder, SMALL } from "./_run.ts";

const TINY = [...SMALL, "--epochs=1", "--set=training.batch=16", "--train-examples=32", "--test-examples=16"];

test("training searches what is missing; its second start tunes nothing and computes the same", () =>
  inFolder(async (folder) => {
    const env = { ALLCNN_CACHE: `${folder}/cache` };
    const train = (name: string, ...args: string[]) =>
      allcnn(["train", "configs/quickstart.yaml", ...TINY, "--out", `${folder}/${name}`, ...args], { env });
    const first = await train("first", "--tune", "search", "--tune-budget", "3");
    assert.is(first.code, 0, first.stderr);
    assert.match(first.stdout, "Tuning kernels");
    const [scope] = readdirSync(`${folder}/cache/tune`), tuned = `${folder}/cache/tune/${scope}`;
    const files = () => readdirSync(tuned).map((name) => `${name} ${readFileSync(`${tuned}/${name}`, "utf8")}`).join();
    const before = files();

    const second = await train("second", "--tune", "search", "--tune-budget", "3");
    assert.is(second.code, 0, second.stderr);
    assert.not.match(second.stdout, "Tuning kernels");
    assert.ok(files() === before, "the second start changed what is known");
    const weights = (name: string) => readFileSync(`${folder}/${name}/checkpoint.safetensors`);
    assert.ok(weights("first").equals(weights("second")), "the second start computed something else");

    const unknown = await train("unknown", "--tune", "sometimes");
    assert.is(unknown.code, 1);
    assert.match(unknown.stderr, '--tune expects off, cached or search, got "sometimes"');
    assert.not.ok(existsSync(`${folder}/unknown`));
  }));

test("one convolution: table, WGSL, page, export and import", () =>
  inFolder(async (folder) => {
    const env = { ALLCNN_CACHE: `${folder}/cache` }, conv = "--conv=2,6,6,4,4,3,1,1";
    const files = ["--report", `${folder}/page.html`, "--export", `${folder}/export.json`, "--show"];
    const done = await allcnn(["tune", conv, "--budget", "4", "--exact", ...files], { env });
    assert.is(done.code, 0, done.stderr);
    for (const label of ["conv/forward", "conv/dx", "conv/dw"]) assert.match(done.stdout, label);
    assert.match(done.stdout, /^op +tried +best, ms +GFLOP\/s +of roofline +gain$/m);
    assert.match(done.stdout, /^\/\/ conv\/forward: conv_forward, .*\n\/\/ Dispatch 1 of \d+, .*\n[^]*?@compute/m);
    assert.not.match(done.stdout, "winograd"); // --exact

    const page = readFileSync(`${folder}/page.html`, "utf8");
    assert.match(page, "conv/dw");
    assert.not.match(page, /https?:|src=|<link|<script/);

    const other = { ALLCNN_CACHE: `${folder}/other` }, imported = ["tune", "--import", `${folder}/export.json`];
    const taken = await allcnn([...imported, "--exact"], { env: other });
    assert.is(taken.code, 0, taken.stderr);
    const names = (root: string) => readdirSync(`${folder}/${root}/tune`, { recursive: true }).join();
    assert.is(names("other"), names("cache"));
    const foreign = await allcnn(imported, { env: other }); // not --exact: another scope
    assert.is(foreign.code, 1);
    assert.match(foreign.stderr, "Cannot import these tunings: of one, the device, driver, toggles or version");
    writeFileSync(`${folder}/export.json`, '{"entries": ');
    assert.match((await allcnn(imported, { env: other })).stderr, "it is not valid JSON");
  }));

test("what cannot be tuned is refused in one line", async () => {
  const message = async (...args: string[]) => {
    const { code, stderr } = await allcnn(["tune", ...args]);
    assert.is(code, 1);
    assert.is(stderr.trim().split("\n").length, 1, stderr);
    return stderr;
  };
  assert.match(await message(), "CONFIG is missing");
  assert.match(await message("--conv", "1,2,3"), "--conv expects 8 whole numbers n,h,w,ci,co,k,s,p");
  assert.match(await message("--conv", "1,2,2,4,4,5,1,1"), "--conv expects an image as large as the kernel");
  assert.match(await message("--conv", "1,8,8,4,4,3,1,1", "--only", "conv9"), "--only conv9 matches no op");
});

test.run();
