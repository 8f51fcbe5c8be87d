import { test } from "uvu";
import * as assert from "uvu/assert";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { manifestText, packFolder, type Part, splitBytes } from "../../scripts/bundle_parts.ts";

/** start.sh is for x86-64 Linux, and its parts are packed by tar and xz. */
const hasTools = ["tar", "xz"].every((name) => spawnSync(name, ["--version"]).status === 0);
const runsHere = process.platform === "linux" && process.arch === "x64" && hasTools;

const root = fs.mkdtempSync(join(tmpdir(), "allcnn-test-"));
process.once("exit", () => fs.rmSync(root, { recursive: true, force: true }));

function write(path: string, text: string | Uint8Array, mode = 0o644): void {
  fs.mkdirSync(join(path, ".."), { recursive: true });
  fs.writeFileSync(path, text, { mode });
}

/** Bytes that xz cannot shrink: a chain of hashes. */
function noise(bytes: number): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (let i = 0; i < bytes / 32; i++) blocks.push(createHash("sha256").update(`${i}`).digest());
  return Buffer.concat(blocks).subarray(0, bytes);
}

/** A bundle whose "Node" is a script that prints what it is given, with its program in two pieces and data in a part. */
function makeBundle(name: string): { folder: string; parts: Part[] } {
  const folder = join(root, name), stage = join(root, `${name}-stage`);
  fs.mkdirSync(folder, { recursive: true });
  write(
    join(stage, "runtime/runtime/node"),
    '#!/bin/sh\necho "data $ALLCNN_DATA cache $ALLCNN_CACHE libraries $LD_LIBRARY_PATH"\nfor a; do echo "<$a>"; done\n',
    0o755,
  );
  for (const library of ["libc.so.6", "libnowhere.so.9"]) {
    write(join(stage, `runtime/runtime/lib/${library}/${library}`), "");
  }
  write(join(stage, "program/program/allcnn.js"), noise(150_000));
  write(join(stage, "program/configs/tiny.yaml"), "tiny\n");
  write(join(stage, "data/data/batch.bin"), noise(1000));
  const parts = (["runtime", "program", "data"] as const).flatMap((each) =>
    packFolder(join(stage, each), {
      name: each,
      out: folder,
      contents: each === "data" ? "images" : "programs",
      limit: 100_000,
    })
  );
  write(join(folder, "manifest.txt"), manifestText(parts, ["A bundle of a test"]));
  fs.copyFileSync("scripts/start.sh", join(folder, "start.sh"));
  return { folder, parts };
}

/** Runs start.sh from another folder; `path`: folders of programs, instead of the system's. */
function start(folder: string, args: readonly string[], path = process.env["PATH"]!) {
  const { ALLCNN_DATA: _data, ALLCNN_CACHE: _cache, LD_LIBRARY_PATH: _libraries, ...rest } = process.env;
  const { status, stdout, stderr } = spawnSync("/bin/sh", [join(folder, "start.sh"), ...args], {
    cwd: tmpdir(),
    env: { ...rest, PATH: path },
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

/** A folder with links to the programs that start.sh uses, but the ones in `without`. */
function programs(without: readonly string[]): string {
  const folder = fs.mkdtempSync(join(root, "bin-"));
  const names = ["sh", "cat", "dirname", "grep", "mkdir", "python3", "rmdir", "sed", "sha256sum", "tar", "tr", "uname"];
  for (const name of [...names, "uniq", "wc", "xz"].filter((name) => !without.includes(name))) {
    // What is called python3 may be a script that looks for the real one.
    const find = name === "python3" ? "python3 -c 'import sys; print(sys.executable)'" : `command -v ${name}`;
    const found = spawnSync("/bin/sh", ["-c", find], { encoding: "utf8" }).stdout.trim();
    if (found !== "") fs.symlinkSync(found, join(folder, name));
  }
  return folder;
}

test("bytes are cut into pieces of at most the limit that join to the same bytes", () => {
  const bytes = noise(1001);
  for (const [limit, count] of [[2000, 1], [1001, 1], [1000, 2], [250, 5]] as const) {
    const pieces = splitBytes(bytes, limit);
    assert.is(pieces.length, count);
    assert.ok(pieces.every(({ length }) => length > 0 && length <= limit));
    assert.equal(Buffer.concat(pieces), Buffer.from(bytes));
  }
});

if (runsHere) {
  test("a part larger than the limit is cut, and packing twice gives the same bytes", () => {
    const { parts } = makeBundle("packed");
    assert.equal(parts.map(({ file }) => file), [
      "runtime.tar.xz",
      "program.tar.xz.1",
      "program.tar.xz.2",
      "data.tar.xz",
    ]);
    assert.ok(parts.every(({ bytes }) => bytes <= 100_000));
    assert.equal(makeBundle("packed-again").parts, parts);
    const { sha256 } = parts[1]!;
    const bytes = fs.readFileSync(join(root, "packed/program.tar.xz.1"));
    assert.is(createHash("sha256").update(bytes).digest("hex"), sha256);
  });

  test("start.sh unpacks once, names files of the bundle, and hands on arguments as they are", () => {
    const { folder } = makeBundle("started");
    const args = ["train", "configs/tiny.yaml", "--data", "data", "a b", "configs/none.yaml"];
    const first = start(folder, args);
    assert.is(first.status, 0, first.stderr);
    assert.match(first.stderr, /Unpacking program\.tar\.xz/);
    assert.equal(first.stdout.trim().split("\n"), [
      // Of the bundle's libraries, the one that no system has.
      `data ${folder}/data cache ${folder}/cache libraries ${folder}/runtime/lib/libnowhere.so.9`,
      `<${folder}/program/allcnn.js>`,
      "<train>",
      `<${folder}/configs/tiny.yaml>`,
      "<--data>",
      `<${folder}/data>`,
      "<a b>",
      "<configs/none.yaml>",
    ]);
    assert.equal(fs.readFileSync(join(folder, "program/allcnn.js")), Buffer.from(noise(150_000)));
    const second = start(folder, args);
    assert.equal([second.stdout, second.stderr], [first.stdout, ""], "a later start unpacks nothing");
  });

  test("start.sh unpacks with Python where there is no xz, and says what is missing where there is neither", () => {
    const { folder } = makeBundle("without-xz");
    const neither = start(folder, ["train"], programs(["xz", "python3"]));
    assert.is(neither.status, 1);
    assert.match(neither.stderr, /Cannot unpack: install xz and tar \(Debian: xz-utils\), or Python 3/);
    if (spawnSync("python3", ["-c", "import lzma"]).status !== 0) return;
    const python = start(folder, ["train"], programs(["xz", "tar", "sha256sum"]));
    assert.is(python.status, 0, python.stderr);
    assert.match(python.stdout, /<train>/);
    assert.equal(fs.readFileSync(join(folder, "program/allcnn.js")), Buffer.from(noise(150_000)));
    assert.is(fs.statSync(join(folder, "runtime/node")).mode & 0o111, 0o111);
  });

  test("start.sh refuses damaged, short and missing parts by name; data may stay behind", () => {
    const { folder } = makeBundle("damaged");
    const part = join(folder, "program.tar.xz.2"), intact = fs.readFileSync(part);
    const bytes = Buffer.from(intact);
    bytes[100]! ^= 1;
    fs.writeFileSync(part, bytes);
    assert.match(start(folder, ["train"]).stderr, /program\.tar\.xz\.2 is damaged: its SHA-256 differs; copy it again/);
    fs.writeFileSync(part, intact.subarray(0, 1000));
    assert.match(start(folder, ["train"]).stderr, /program\.tar\.xz\.2 is damaged: it has 1000 bytes instead of \d+/);
    fs.rmSync(part);
    const missing = start(folder, ["train"]);
    assert.match(missing.stderr, /program\.tar\.xz\.2 is missing in .*: copy all parts of the bundle there/);
    assert.equal([missing.status, missing.stdout], [1, ""]);

    fs.writeFileSync(part, intact);
    fs.renameSync(join(folder, "data.tar.xz"), join(root, "data-later"));
    const without = start(folder, ["train"]);
    assert.is(without.status, 0, without.stderr);
    assert.match(without.stderr, /Not here, so left out: data\.tar\.xz/);
    fs.renameSync(join(root, "data-later"), join(folder, "data.tar.xz"));
    assert.match(start(folder, ["train"]).stdout, /^data \/.*\/damaged\/data cache/, "data that come later are used");
  });
}

test.run();
