import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import process from "node:process";
import { build } from "esbuild";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { withLock } from "../../data/lock.ts";
import { denoRun, execute, inFolder } from "../cli/_run.ts";
import { GOOD, pack, serving, slowly, TEST, TRAIN } from "./_archive_server.ts";

const signal = new AbortController().signal;
const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

test("one after the other, whoever fails", () =>
  inFolder(async (folder) => {
    const path = `${folder}/lock`, order: string[] = [];
    const turn = (name: string, fails = false) =>
      withLock(path, { signal, onWait() {} }, async () => {
        order.push(`${name} begins`);
        await wait(50);
        order.push(`${name} ends`);
        if (fails) throw new Error(name);
      }).catch((error: Error) => order.push(`${error.message} failed`));
    await Promise.all([turn("a", true), turn("b"), turn("c")]);
    for (const name of ["a", "b", "c"]) {
      assert.is(order.indexOf(`${name} ends`), order.indexOf(`${name} begins`) + 1, order.join());
    }
    assert.ok(order.includes("a failed"));
    assert.not(existsSync(path));
  }));

test("a waiting program can be stopped, and leaves the other's lock alone", () =>
  inFolder(async (folder) => {
    const path = `${folder}/lock`, stop = new AbortController();
    writeFileSync(path, "other");
    const running = withLock(path, { signal: stop.signal, onWait() {} }, () => Promise.resolve("ran"));
    stop.abort(new Error("stopped"));
    assert.is(await running.catch((error: Error) => error.message), "stopped");
    assert.is(readFileSync(path, "utf8"), "other");
  }));

test("who loses the lock stops, waits and runs again", () =>
  inFolder(async (folder) => {
    const path = `${folder}/lock`, runs: boolean[] = [];
    await withLock(path, { signal, onWait() {} }, async (own) => {
      runs.push(own.aborted);
      if (runs.length > 1) return;
      writeFileSync(path, "other");
      while (!own.aborted) await wait(10);
      setTimeout(() => rmSync(path), 100);
      throw new Error("stopped in the middle");
    });
    assert.equal(runs, [false, false]);
    assert.not(existsSync(path));
  }));

test("of three programs one downloads; it is killed, and another one goes on where it was", async () => {
  const { archive, bytes } = await pack(GOOD);
  await serving(bytes, [slowly(20_000, 100)], ({ address: server, ranges }) =>
    inFolder(async (outer) => {
      const parent = `${outer}/data`, bundle = `${outer}/obtain.mjs`;
      const work = JSON.stringify({ archive, parent, server });
      await build({
        entryPoints: ["tests/data/_obtain.ts"],
        outfile: bundle,
        bundle: true,
        format: "esm",
        platform: "node",
      });
      const killed = execute(process.execPath, [bundle, work], {
        stopWhen: (stdout) => /Downloading Tiny: 0\.[2-9]/.test(stdout) ? "SIGKILL" : null,
      });
      while (ranges.length === 0) await wait(5);
      const others = [execute(process.execPath, [bundle, work]), denoRun(["tests/data/_obtain.ts", work])];
      assert.is((await killed).code, -1);
      for (const other of others) {
        if (other === null) {
          console.log("skipped: no Deno");
          continue;
        }
        const { code, stdout, stderr } = await other;
        assert.is(code, 0, stderr);
        assert.is(stdout.trimEnd().split("\n").at(-1), `It is in ${parent}/tiny-bin`);
      }
      assert.is(ranges.length, 2, ranges.join());
      assert.match(ranges[1]!, /^bytes=[1-9]\d+-$/);
      assert.equal(readdirSync(parent), ["tiny-bin"]);
      assert.ok(readFileSync(`${parent}/tiny-bin/train.bin`).equals(TRAIN));
      assert.ok(readFileSync(`${parent}/tiny-bin/test.bin`).equals(TEST));
    }));
});

test.run();
