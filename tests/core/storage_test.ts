/** One contract, two implementations: files, and IndexedDB (here `fake-indexeddb`; tests/browser/ has a real one). */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { IDBFactory, IDBKeyRange, IDBObjectStore } from "fake-indexeddb";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { UserError } from "../../core/host/errors.ts";
import * as node from "../../core/host/files.ts";
import * as browser from "../../core/host/files_browser.ts";
import { execute, inFolder } from "../cli/_run.ts";
import { checkStorage, type Storage } from "./_storage_contract.ts";

const IN_BROWSER: Storage = browser; // the types agree

/** Runs `body` with an empty IndexedDB. */
async function withDatabase(body: () => Promise<void>, factory = new IDBFactory()): Promise<void> {
  Object.assign(globalThis, { indexedDB: factory, IDBKeyRange });
  try {
    await body();
  } finally {
    await deleted(factory); // which also makes the module open the next one
    for (const name of ["indexedDB", "IDBKeyRange"]) Reflect.deleteProperty(globalThis, name);
  }
}

const deleted = (factory: IDBFactory) =>
  new Promise<void>((resolve, reject) => {
    const request = factory.deleteDatabase("allcnn");
    request.onsuccess = () => resolve();
    request.onerror = request.onblocked = () => reject(new Error("the database is still open"));
  });

async function messageOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(() => null, (error: unknown) => error);
  assert.instance(error, UserError);
  return (error as Error).message;
}

test("files keep the contract of storage", async () => {
  await inFolder(async (folder) => await checkStorage(node, join(folder, "root")));
});

test("a link is followed, a pipe is written into, a file keeps its permissions; links in a circle are told", async () => {
  if (process.platform === "win32") return console.log("skipped: Windows has no pipes among its files");
  await inFolder(async (folder) => {
    const at = (name: string) => join(folder, name);
    await node.writeFile(at("real/file"), "old");
    symlinkSync("real/file", at("link"));
    chmodSync(at("real/file"), 0o600);
    await node.writeFile(at("link"), "new");
    assert.is(readFileSync(at("real/file"), "utf8"), "new");
    assert.is(statSync(at("real/file")).mode & 0o777, 0o600);
    symlinkSync("real/later", at("to come"));
    await node.writeFile(at("to come"), "there");
    assert.is(readFileSync(at("real/later"), "utf8"), "there");
    assert.ok(lstatSync(at("link")).isSymbolicLink() && lstatSync(at("to come")).isSymbolicLink());

    execFileSync("mkfifo", [at("pipe")]);
    const reader = execute("cat", [at("pipe")]);
    await node.writeFile(at("pipe"), "through");
    assert.is((await reader).stdout, "through");
    assert.ok(statSync(at("pipe")).isFIFO());

    symlinkSync("b", at("a"));
    symlinkSync("a", at("b"));
    assert.match(await messageOf(node.writeFile(at("a"), "x")), "it is a link that leads to itself");
    assert.equal((await node.list(folder)).filter((name) => name.endsWith(".tmp")), []);
  });
});

test("what is piped is read; a device, which never ends, is told, and in a folder a pipe too", async () => {
  if (!existsSync("/dev/zero")) return console.log("skipped: this system has no /dev/zero");
  await inFolder(async (folder) => {
    const pipe = join(folder, "pipe");
    assert.match(await messageOf(node.readFile("/dev/zero")), 'Cannot read "/dev/zero": it is no file, but a pipe');
    execFileSync("mkfifo", [pipe]);
    assert.match(await messageOf(node.readStoredFile(pipe)), "it is no file, but a pipe, a socket or a device");
    const writer = execute("bash", ["-c", `echo piped > ${pipe}`]);
    assert.is(await node.readText(pipe), "piped\n");
    await writer;
  });
});

test("a text may be of UTF-8 or UTF-16, with its mark", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "text"), text = "Grüße: 1\n";
    const wide = (bigEndian: boolean) =>
      Uint8Array.from([...`\ufeff${text}`].flatMap((sign) => {
        const pair = [sign.charCodeAt(0) & 255, sign.charCodeAt(0) >> 8];
        return bigEndian ? pair.reverse() : pair;
      }));
    for (const bytes of [new TextEncoder().encode(`\ufeff${text}`), wide(false), wide(true)]) {
      await node.writeFile(path, bytes);
      assert.is(await node.readText(path), text);
    }
  });
});

test("a file below /dev is replaced as any other; standard output, which somebody holds open, is written to", async () => {
  if (!existsSync("/dev/shm")) return console.log("skipped: this system has no /dev/shm");
  const folder = mkdtempSync("/dev/shm/allcnn-");
  try {
    for (const text of ["first", "2nd"]) await node.writeFile(`${folder}/file`, text);
    assert.is(readFileSync(`${folder}/file`, "utf8"), "2nd");
  } finally {
    rmSync(folder, { recursive: true });
  }
  await inFolder(async (folder) => {
    const fd = openSync(`${folder}/held`, "w");
    for (const text of ["first", "2nd"]) await node.writeFile(`/proc/self/fd/${fd}`, text);
    assert.is(readFileSync(`${folder}/held`, "utf8"), "first2nd");
    closeSync(fd);
  });
});

test("the cache: an empty or relative variable counts as unset, and a user without a home has one too", () => {
  const { ALLCNN_CACHE, XDG_CACHE_HOME, HOME } = process.env;
  const found = (variables: Record<string, string>) => {
    for (const name of ["ALLCNN_CACHE", "XDG_CACHE_HOME", "HOME"]) delete process.env[name];
    Object.assign(process.env, variables);
    return node.cacheDirectory();
  };
  try {
    assert.is(found({ HOME: "/h" }), "/h/.cache/allcnn");
    assert.is(found({ HOME: "/h", ALLCNN_CACHE: "", XDG_CACHE_HOME: "" }), "/h/.cache/allcnn");
    assert.is(found({ HOME: "/h", XDG_CACHE_HOME: "relative" }), "/h/.cache/allcnn");
    assert.is(found({ HOME: "/h", XDG_CACHE_HOME: "/x" }), "/x/allcnn");
    assert.is(found({ HOME: "/h", XDG_CACHE_HOME: "/x", ALLCNN_CACHE: "own" }), "own");
    for (const HOME of ["", "relative"]) assert.match(found({ HOME }), /^\/.*allcnn$/);
  } finally {
    found(
      Object.fromEntries(
        Object.entries({ ALLCNN_CACHE, XDG_CACHE_HOME, HOME }).filter(([, value]) => value !== undefined),
      ) as Record<string, string>,
    );
  }
});

test("IndexedDB keeps the contract of storage", async () => {
  await withDatabase(async () => await checkStorage(IN_BROWSER, "root"));
});

test("a browser's storage offers nothing that files do not", () => {
  assert.equal(Object.keys(browser).filter((name) => !(name in node)), []);
});

test("in a browser, another page may delete everything, and work goes on", async () => {
  const factory = new IDBFactory();
  await withDatabase(async () => {
    await browser.writeFile("a", "1");
    await deleted(factory);
    assert.is(await browser.exists("a"), false);
    await browser.writeFile("a", "2");
    assert.is(await browser.readText("/a"), "2");
  }, factory);
});

test("full storage leaves the old contents and says so; storage that is not there says so", async () => {
  await withDatabase(async () => {
    await browser.writeFile("a", "old");
    const put = IDBObjectStore.prototype.put;
    IDBObjectStore.prototype.put = () => {
      throw new DOMException("full", "QuotaExceededError");
    };
    try {
      const expected = "the browser's storage is full, free some and try again";
      assert.is(await messageOf(browser.writeFile("a", "new")), `Cannot write "a": ${expected}`);
    } finally {
      IDBObjectStore.prototype.put = put;
    }
    assert.is(await browser.readText("a"), "old");
  });
  assert.is(await messageOf(browser.writeFile("a", "x")), 'Cannot write "a": this browser offers no IndexedDB here');
  assert.is(await browser.exists("a"), false);
});

test.run();
