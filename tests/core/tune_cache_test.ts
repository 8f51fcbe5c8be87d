import { test } from "uvu";
import * as assert from "uvu/assert";
import { build } from "esbuild";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { UserError } from "../../core/host/errors.ts";
import { openTuneCache } from "../../core/tune/tune_cache.ts";
import { emptyEntry, type Entry, type Row } from "../../core/tune/tune_entry.ts";
import { tasksOf } from "../../core/tune/tune_task.ts";
import { execute, inFolder } from "../cli/_run.ts";
import { imaginedOp, LIMITS } from "./_tuning.ts";

const [TASK] = await tasksOf([imaginedOp("a", ["1", "2"])], LIMITS) as [Awaited<ReturnType<typeof tasksOf>>[0]];

const row = (n: number, seconds: number): Row => ({
  tuning: { n },
  hash: "0",
  status: "timed",
  reason: "",
  seconds,
  samples: 5,
  compileSeconds: 0.5,
});

const entry = (rows: readonly Row[], scope = "device"): Entry => ({ ...emptyEntry(TASK, scope), rows });

test("an entry is read as it was written, rows of other processes stay, and the file says what it is about", async () => {
  await inFolder(async (folder) => {
    const cache = await openTuneCache("device", assert.unreachable, folder);
    assert.is(await cache.read(TASK), null);
    await cache.write(TASK, entry([row(0, 1)]));
    assert.equal(await cache.read(TASK), entry([row(0, 1)]));
    const other = await openTuneCache("device", assert.unreachable, folder);
    await other.write(TASK, entry([row(1, 2)]));
    assert.equal((await cache.read(TASK))!.rows, [row(0, 1), row(1, 2)]);
    const [name] = readdirSync(cache.folder), text = readFileSync(join(cache.folder, name!), "utf8");
    assert.match(name!, /^imagined-[0-9a-f]{16}\.json$/);
    assert.match(text, '"scope": "device"');
    assert.match(text, '"kernel": "imagined"');
    await cache.remove(TASK);
    assert.is(await other.read(TASK), null);
  });
});

test("a damaged, torn or foreign file is set aside with one warning", async () => {
  const good = JSON.stringify(entry([row(0, 1)]));
  const damaged = [
    "",
    good.slice(0, -20),
    "[]",
    JSON.stringify(entry([row(0, 1)], "another device")),
    good.replace('"rejected"', "1").replace('"timed"', '"unknown"'),
    good.replace('"seconds":1', '"seconds":"fast"'),
    good.replace('"version":1', '"version":2'),
  ];
  for (const text of damaged) {
    await inFolder(async (folder) => {
      const warnings: string[] = [], cache = await openTuneCache("device", (line) => warnings.push(line), folder);
      await cache.write(TASK, entry([row(0, 1)]));
      const [name] = readdirSync(cache.folder);
      writeFileSync(join(cache.folder, name!), text);
      assert.is(await cache.read(TASK), null, text);
      assert.is(await cache.read(TASK), null);
      assert.is(warnings.length, 1);
      assert.match(warnings[0]!, /^Set aside as .*\.json\.damaged, /);
      assert.equal(readdirSync(cache.folder), [`${name}.damaged`]);
      await cache.write(TASK, entry([row(0, 1)]));
      assert.ok(await cache.read(TASK));
    });
  }
});

test("what one exports another imports; another device's is refused and nothing is written", async () => {
  await inFolder(async (folder) => {
    const from = await openTuneCache("device", assert.unreachable, join(folder, "1"));
    const to = await openTuneCache("device", assert.unreachable, join(folder, "2"));
    await from.write(TASK, entry([row(0, 1)]));
    await to.write(TASK, entry([row(0, 3), row(1, 2)]));
    await to.add(JSON.parse(JSON.stringify(await from.all())), "a.json");
    assert.equal((await to.read(TASK))!.rows, [row(0, 1), row(1, 2)]);
    const other = await openTuneCache("driver 2", assert.unreachable, join(folder, "3"));
    try {
      await other.add(await from.all(), "a.json");
      assert.unreachable();
    } catch (error) {
      assert.instance(error, UserError);
      assert.match((error as Error).message, "the device, driver, toggles or version of Dawn are others");
    }
    assert.equal(await other.all(), []);
    for (const kernel of ["../../outside", "a/b", ""]) {
      const [escaping] = [{ ...entry([]), subject: { ...TASK.subject, kernel } }];
      await to.add([escaping], "a.json").then(() => assert.unreachable(), (error) => assert.instance(error, UserError));
    }
  });
});

test("without a folder to write to, one warning, and tunings are kept until the process ends", async () => {
  await inFolder(async (folder) => {
    writeFileSync(join(folder, "file"), ""); // no folder can be made below a file, not even by root
    const warnings: string[] = [];
    const cache = await openTuneCache("device", (line) => warnings.push(line), join(folder, "file"));
    await cache.write(TASK, entry([row(0, 1)]));
    await cache.write(TASK, entry([row(1, 2)]));
    assert.equal((await cache.read(TASK))!.rows, [row(0, 1), row(1, 2)]);
    assert.is(warnings.length, 1);
    assert.match(warnings[0]!, "tunings are kept only until this program ends");
  });
});

test("concurrent processes never leave or see a torn file", async () => {
  await inFolder(async (folder) => {
    const script = join(folder, "writer.mjs"), root = join(folder, "tune");
    await build({
      entryPoints: ["tests/core/_cache_writer.ts"],
      outfile: script,
      bundle: true,
      format: "esm",
      platform: "node",
      external: ["webgpu"],
    });
    const cache = await openTuneCache("device", assert.unreachable, root);
    const tasks = await tasksOf(["a", "b"].map((label) => imaginedOp(label, Array(8).fill("1"), label)), LIMITS);
    let running = true, reads = 0;
    const processes = Promise.all(["1", "2", "3"].map((id) => execute(process.execPath, [script, root, id])));
    void processes.then(() => running = false);
    while (running) {
      for (const task of tasks) if (await cache.read(task) !== null) reads++;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    for (const { code, stderr } of await processes) assert.is(code, 0, stderr);
    assert.ok(reads > 10, `${reads}`);
    assert.is((await cache.all()).length, 2);
    assert.is(readdirSync(cache.folder).length, 2); // no temporary file is left, none was set aside
  });
});

test.run();
