import { test } from "uvu";
import * as assert from "uvu/assert";
import { build } from "esbuild";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { UserError } from "../../core/errors.ts";
import { openTuneCache } from "../../core/tune_cache.ts";
import { emptyEntry, type Entry, type Row } from "../../core/tune_entry.ts";
import { type Task, tasksOf } from "../../core/tune_task.ts";
import { execute, inFolder } from "../cli/_run.ts";
import { fakeOp, LIMITS } from "./_tuning.ts";

const SCOPE = "a device";

async function taskNamed(label: string, count = 100): Promise<Task> {
  return (await tasksOf([fakeOp(label, count, (n) => `${label} ${n}`)], LIMITS))[0]!;
}

const row = (n: number, seconds = 1): Row => ({
  tuning: { n },
  hash: "0123456789abcdef",
  status: "timed",
  reason: "",
  seconds,
  samples: 1,
  compileSeconds: 0.5,
});

const entryOf = (task: Task, rows: readonly Row[]): Entry => ({ ...emptyEntry(task, SCOPE), rows });

test("an entry is read back as it was written, from a file that names its scope", () =>
  inFolder(async (root) => {
    const warnings: string[] = [], task = await taskNamed("a");
    const cache = await openTuneCache(SCOPE, (text) => warnings.push(text), root);
    assert.is(await cache.read(task), null);
    const expected = { outputs: [{ norm: 1.5, projections: [0.25, -1], notFinite: 0 }], inPlace: [false] };
    const entry: Entry = { ...entryOf(task, [row(0), row(1)]), winner: { n: 1 }, expected, budgetSeconds: 60 };
    await cache.write(task, entry);
    assert.equal(await cache.read(task), entry);
    assert.equal(await (await openTuneCache(SCOPE, () => {}, root)).all(), [entry]);
    assert.is(await cache.read(await taskNamed("b")), null);
    const [file] = readdirSync(cache.folder);
    assert.match(file!, /^fake-[0-9a-f]{16}\.json$/);
    assert.is(JSON.parse(readFileSync(`${cache.folder}/${file}`, "utf8")).scope, SCOPE);
    assert.equal(warnings, []);
  }));

test("a damaged or alien file is set aside with a warning, and nothing else is lost", () =>
  inFolder(async (root) => {
    const warnings: string[] = [], a = await taskNamed("a"), b = await taskNamed("b");
    const cache = await openTuneCache(SCOPE, (text) => warnings.push(text), root);
    await cache.write(b, entryOf(b, [row(3)]));
    const path = `${cache.folder}/fake-${a.key}.json`, good = entryOf(a, [row(0)]);
    const damaged = [
      "",
      '{"version": 1, "scope"',
      "[]",
      JSON.stringify({ ...good, scope: "another device" }),
      JSON.stringify({ ...good, version: 2 }),
      JSON.stringify({ ...good, rows: [{ ...row(0), seconds: "fast" }] }),
      JSON.stringify({ ...good, rows: undefined }),
      JSON.stringify({ ...good, subject: { ...good.subject, kernel: "../../fake" } }),
    ];
    for (const [index, text] of damaged.entries()) {
      writeFileSync(path, text);
      assert.is(await cache.read(a), null, text);
      assert.is(warnings.length, index + 1, text);
      assert.is(readFileSync(`${path}.damaged`, "utf8"), text);
      assert.is(await cache.read(a), null); // gone, so no second warning
      assert.is(warnings.length, index + 1);
    }
    assert.equal(await cache.all(), [entryOf(b, [row(3)])]);
    await cache.write(a, good);
    assert.equal(await cache.read(a), good);
  }));

test("where nothing can be written, one warning, and the program goes on with what it measured", () =>
  inFolder(async (root) => {
    writeFileSync(`${root}/file`, "");
    const warnings: string[] = [], task = await taskNamed("a"), other = await taskNamed("b");
    const cache = await openTuneCache(SCOPE, (text) => warnings.push(text), `${root}/file/tune`);
    await cache.write(task, entryOf(task, [row(0)]));
    await cache.write(other, entryOf(other, [row(1)]));
    assert.is(warnings.length, 1);
    assert.equal(await cache.read(task), entryOf(task, [row(0)]));
  }));

test("entries move to another folder of the same scope, and to no other scope", () =>
  inFolder(async (root) => {
    const a = await taskNamed("a"), b = await taskNamed("b");
    const from = await openTuneCache(SCOPE, () => {}, `${root}/from`);
    await from.write(a, entryOf(a, [row(0), row(1)]));
    await from.write(b, entryOf(b, [row(0)]));
    const to = await openTuneCache(SCOPE, () => {}, `${root}/to`);
    await to.write(a, entryOf(a, [row(1, 9), row(2, 9)]));
    await to.add(await from.all());
    const seconds = (await to.read(a))!.rows.map((each) => [(each.tuning as { n: number }).n, each.seconds]);
    assert.equal(seconds.sort(), [[0, 1], [1, 1], [2, 9]]);
    assert.equal(await to.read(b), entryOf(b, [row(0)]));

    const other = await openTuneCache("another device", () => {}, `${root}/other`);
    let error: unknown;
    await other.add(await from.all()).catch((thrown) => error = thrown);
    assert.instance(error, UserError);
    assert.match((error as UserError).message, "others");
    assert.equal(await other.all(), []);
  }));

test("processes that write at the same time never leave a torn file", () =>
  inFolder(async (root) => {
    mkdirSync(`${root}/tune`);
    const bundle = `${root}/cache.mjs`;
    await build({
      stdin: {
        contents: ["cache", "task", "entry"].map((name) => `export * from "./core/tune_${name}.ts";`).join("\n"),
        resolveDir: process.cwd(),
        loader: "ts",
      },
      bundle: true,
      format: "esm",
      platform: "node",
      outfile: bundle,
    });
    const program = `import { openTuneCache, tasksOf, emptyEntry } from ${JSON.stringify(bundle)};
const me = Number(process.argv[1]), warnings = [];
const cache = await openTuneCache(${JSON.stringify(SCOPE)}, (text) => warnings.push(text), ${
      JSON.stringify(`${root}/tune`)
    });
const kernel = { name: "fake", tunings: () => Array.from({ length: 100 }, (_, n) => ({ n })) };
const op = { label: "a", kernel, problem: { label: "a" }, reads: [], writes: [{ dtype: "f32", shape: [4] }] };
const [task] = await tasksOf([op], {});
const padding = "x".repeat(1000 * me), rows = [];
for (let n = 0; n < 40; n++) {
  rows.push({ tuning: { n }, hash: String(me), status: "invalid", reason: padding, seconds: null, samples: 0,
    compileSeconds: null });
  await cache.write(task, { ...emptyEntry(task, cache.scope), rows });
  const read = await cache.read(task);
  if (read === null || read.rows.some(({ hash, reason }) => reason.length !== 1000 * Number(hash))) process.exit(3);
}
process.exit(warnings.length === 0 ? 0 : 4);`;
    const children = [1, 2, 3, 4].map((me) =>
      execute(process.execPath, ["--input-type=module", "-e", program, String(me)])
    );
    const results = await Promise.all(children);
    assert.equal(results.map(({ code }) => code), [0, 0, 0, 0], results.map(({ stderr }) => stderr).join());
    const [folder] = readdirSync(`${root}/tune`), files = readdirSync(`${root}/tune/${folder}`);
    assert.is(files.length, 1, files.join()); // no temporary file stays
    const task = await taskNamed("a"), cache = await openTuneCache(SCOPE, () => {}, `${root}/tune`);
    assert.is((await cache.read(task))!.rows.length, 40);
  }));

test.run();
