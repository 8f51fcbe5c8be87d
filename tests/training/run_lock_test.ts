import { test } from "uvu";
import * as assert from "uvu/assert";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import process from "node:process";
import { UserError } from "../../core/host/errors.ts";
import { lockRun } from "../../training/run_lock.ts";
import { inFolder } from "../cli/_run.ts";

const SINCE = new Date().toISOString();

/** Takes the lock of `run` where `holder` left one behind, and what was reported meanwhile. */
async function take(run: string, holder: unknown): Promise<{ reports: string[]; pid: number }> {
  mkdirSync(run, { recursive: true });
  writeFileSync(`${run}/run.lock`, typeof holder === "string" ? holder : JSON.stringify(holder));
  const reports: string[] = [], lock = await lockRun(run, (message) => reports.push(message), 0.4);
  const { pid } = JSON.parse(readFileSync(`${run}/run.lock`, "utf8"));
  await lock.release();
  return { reports, pid };
}

const refused = async (promise: Promise<unknown>, expected: RegExp) => {
  const error = await promise.then(() => null, (error: unknown) => error);
  assert.instance(error, UserError, String(error));
  assert.match((error as UserError).message, expected);
};

test("a second process is refused by folder, process and host; after the first is done it is not", () =>
  inFolder(async (folder) => {
    const run = `${folder}/run`, lock = await lockRun(run, () => {});
    const named = new RegExp(`Cannot write into "${run}": process ${process.pid} on ${hostname()}, since `);
    await refused(lockRun(run, () => {}), named);
    await lock.check();
    await lock.release();
    assert.not(existsSync(run), "an empty folder is left");
    await (await lockRun(run, () => {})).release();
  }));

test("the lock of a dead process is taken over at once, as is that of one with a number used again", () =>
  inFolder(async (folder) => {
    const { pid } = spawnSync(process.execPath, ["-e", ""]);
    const dead = { pid, host: hostname(), started: null, since: SINCE };
    assert.equal(await take(`${folder}/dead`, dead), { reports: [], pid: process.pid });
    if (process.platform !== "linux") return;
    const again = { pid: process.pid, host: hostname(), started: "1", since: SINCE };
    assert.equal(await take(`${folder}/again`, again), { reports: [], pid: process.pid });
  }));

test("a run.lock that is no lock of ours is refused, and stays", () =>
  inFolder(async (folder) => {
    for (const text of ["my own notes", '{"mine": 1}']) {
      await refused(take(folder, text), /its run.lock is of something else; choose another folder, or delete it/);
      assert.is(readFileSync(`${folder}/run.lock`, "utf8"), text);
    }
    for (const part of ["", "{", '{"pid":1']) assert.is((await take(folder, part)).pid, process.pid);
  }));

test("of a process elsewhere, and of a damaged lock, only touches tell", () =>
  inFolder(async (folder) => {
    const run = `${folder}/run`, elsewhere = { pid: process.pid, host: "elsewhere", started: "1", since: SINCE };
    assert.match(
      (await take(run, elsewhere)).reports.join(),
      /^Waiting to see whether a process on elsewhere uses .*run$/,
    );
    assert.is((await take(`${folder}/damaged`, '{"pid":')).pid, process.pid);
    mkdirSync(run, { recursive: true });
    writeFileSync(`${run}/run.lock`, JSON.stringify(elsewhere));
    let seconds = 0;
    const beat = setInterval(() => utimesSync(`${run}/run.lock`, ++seconds, seconds), 50);
    await refused(lockRun(run, () => {}, 0.4), /on elsewhere, since/);
    clearInterval(beat);
  }));

test("who lost the folder to another process hears of it before it writes", () =>
  inFolder(async (folder) => {
    const lock = await lockRun(folder, () => {});
    writeFileSync(`${folder}/run.lock`, JSON.stringify({ pid: 7, host: "elsewhere", started: null, since: SINCE }));
    await refused(lock.check(), /process 7 on elsewhere/);
    await lock.release();
    assert.ok(existsSync(`${folder}/run.lock`), "the other's lock is kept");
  }));

test.run();
