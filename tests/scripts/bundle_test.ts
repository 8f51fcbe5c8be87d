import { test } from "uvu";
import * as assert from "uvu/assert";
import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { draw, key } from "../../core/random.ts";
import { manifestText, packFolder, type Part, splitBytes } from "../../scripts/bundle_parts.ts";

const LIMIT = 20_000;

/** The path of a program, or null where it is not installed. */
const find = (name: string) =>
  spawnSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).stdout.trim() || null;

/** What start.sh runs, beside the programs that unpack and check. */
const TOOLS = ["sh", "dirname", "uname", "sed", "grep", "uniq", "cat", "wc", "tr", "mkdir", "rmdir"];

/** A small bundle: "Node" is a script that shows its arguments, with ballast that does not pack, so that it is split. */
function makeBundle(folder: string): Part[] {
  const stage = join(folder, "stage"), out = join(folder, "bundle");
  const write = (path: string, contents: string | Uint8Array, mode = 0o644) => {
    fs.mkdirSync(join(stage, path, ".."), { recursive: true });
    fs.writeFileSync(join(stage, path), contents, { mode });
  };
  const ballast = Uint8Array.from({ length: 2.5 * LIMIT }, (_, i) => draw(key(1, 0, 0), i) >>> 24);
  write("runtime/runtime/node", '#!/bin/sh\nshift\necho "ran: $*; data: ${ALLCNN_DATA:-none}"\n', 0o755);
  write("runtime/runtime/ballast", ballast);
  write("program/program/allcnn.js", "");
  write("program/configs/fake.yaml", "name: fake\n");
  write("data/data/test.bin", "images");
  fs.mkdirSync(out);
  const pack = (name: string) =>
    packFolder(join(stage, name), { name, out, limit: LIMIT, contents: name === "data" ? "images" : "programs" });
  const parts = ["runtime", "program", "data"].flatMap(pack);
  fs.writeFileSync(join(out, "manifest.txt"), manifestText(parts, ["a bundle for a test"]));
  fs.copyFileSync("scripts/start.sh", join(out, "start.sh"));
  return parts;
}

/** Runs start.sh from another folder, with only `tools` on the path if given. */
function start(folder: string, args: readonly string[], tools: readonly string[] | null = null) {
  let path = process.env["PATH"];
  if (tools !== null) {
    path = fs.mkdtempSync(join(folder, "path-"));
    for (const name of [...TOOLS, ...tools]) fs.symlinkSync(find(name)!, join(path, name));
  }
  const { status, stdout, stderr } = spawnSync("/bin/sh", [join(folder, "bundle/start.sh"), ...args], {
    encoding: "utf8",
    cwd: folder,
    env: { PATH: path, HOME: folder },
  });
  return { code: status, stdout: stdout.trim(), stderr: stderr.trim() };
}

test("bytes are cut into pieces of at most the limit, in order", () => {
  const bytes = Uint8Array.from({ length: 10 }, (_, i) => i);
  assert.equal(splitBytes(bytes, 4).map((piece) => [...piece]), [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]);
  assert.equal(splitBytes(bytes, 5).map((piece) => piece.length), [5, 5]);
  assert.equal(splitBytes(bytes, 100).length, 1);
  assert.equal(splitBytes(new Uint8Array(), 4).length, 1);
});

const missing = ["tar", "xz", "sha256sum"].filter((name) => find(name) === null);
const withBundle = (name: string, body: (folder: string, parts: readonly Part[]) => void) =>
  test(name, () => {
    if (process.platform !== "linux" || process.arch !== "x64" || missing.length > 0) {
      return console.log(`skipped: needs x86-64 Linux with tar, xz and sha256sum; not here: ${missing.join(" ")}`);
    }
    const folder = fs.mkdtempSync(join(tmpdir(), "allcnn bundle-")); // a blank, since paths may have them
    try {
      body(folder, makeBundle(folder));
    } finally {
      fs.rmSync(folder, { recursive: true, force: true });
    }
  });

withBundle(
  "a bundle is split at the limit, unpacks once, and finds its configs and data from elsewhere",
  (folder, parts) => {
    assert.ok(parts.every(({ bytes }) => bytes > 0 && bytes <= LIMIT));
    const pieces = parts.filter(({ archive }) => archive === "runtime.tar.xz").map(({ file }) => file);
    assert.equal(pieces, ["runtime.tar.xz.1", "runtime.tar.xz.2", "runtime.tar.xz.3"]);
    for (const { file, bytes } of parts) assert.is(fs.statSync(join(folder, "bundle", file)).size, bytes);
    const out = join(folder, "bundle"),
      expected = `ran: train ${out}/configs/fake.yaml configs/none.yaml; data: ${out}/data`;
    const first = start(folder, ["train", "configs/fake.yaml", "configs/none.yaml"]);
    assert.is(first.stdout, expected, first.stderr);
    assert.match(first.stderr, /Unpacking runtime.tar.xz\n.*Unpacking program.tar.xz\n.*Unpacking data.tar.xz$/);
    assert.ok(
      fs.readFileSync(`${out}/runtime/ballast`).equals(fs.readFileSync(`${folder}/stage/runtime/runtime/ballast`)),
    );
    for (const { file } of parts) fs.rmSync(join(out, file));
    const second = start(folder, ["train", "configs/fake.yaml", "configs/none.yaml"]);
    assert.equal(second, { code: 0, stdout: expected, stderr: "" });
  },
);

withBundle("the same entries give the same bytes", (folder, parts) => {
  fs.mkdirSync(join(folder, "again"));
  const again = packFolder(join(folder, "stage/runtime"), {
    name: "runtime",
    out: join(folder, "again"),
    limit: LIMIT,
    contents: "programs",
  });
  assert.equal(again, parts.filter(({ archive }) => archive === "runtime.tar.xz"));
});

withBundle("a damaged, a truncated and a missing part are named, and nothing of them is unpacked", (folder) => {
  const path = join(folder, "bundle/runtime.tar.xz.2"), whole = fs.readFileSync(path);
  const fails = (message: RegExp) => {
    const { code, stdout, stderr } = start(folder, ["train"]);
    assert.is(code, 1);
    assert.is(stdout, "");
    assert.match(stderr, message);
    assert.is(stderr.split("\n").length, 1, stderr);
    assert.not(fs.existsSync(join(folder, "bundle/runtime")));
  };
  fs.writeFileSync(path, whole.map((byte, index) => index === 5000 ? byte ^ 1 : byte));
  fails(/runtime.tar.xz.2 is damaged: its SHA-256 differs; copy it again/);
  fs.writeFileSync(path, whole.subarray(0, 5000));
  fails(/runtime.tar.xz.2 is damaged: it has 5000 bytes instead of 20000/);
  fs.rmSync(path);
  fails(/runtime.tar.xz.2 is missing in .*: copy all parts/);
  fs.writeFileSync(path, whole);
  assert.is(start(folder, ["train"]).code, 0);
});

withBundle("data may stay away, and come later", (folder) => {
  const path = join(folder, "bundle/data.tar.xz"), bytes = fs.readFileSync(path);
  fs.rmSync(path);
  const without = start(folder, ["train"]);
  assert.is(without.stdout, "ran: train; data: none");
  assert.match(without.stderr, /Not here, so left out: data.tar.xz$/);
  assert.is(start(folder, ["train"]).stderr, ""); // said once
  fs.writeFileSync(path, bytes);
  const later = start(folder, ["train"]);
  assert.is(later.stdout, `ran: train; data: ${folder}/bundle/data`);
  assert.is(later.stderr, "start.sh: Unpacking data.tar.xz");
});

withBundle("without xz Python unpacks; without both, start.sh says what to install", (folder) => {
  const none = start(folder, ["train"], ["sha256sum"]);
  assert.is(none.code, 1);
  assert.match(none.stderr, /Cannot unpack: install xz and tar .*, or Python 3/);
  assert.is(start(folder, ["train"], []).stderr.includes("Cannot check the parts: install sha256sum"), true);
  assert.not(fs.existsSync(join(folder, "bundle/.unpacking"))); // no lock stays behind
  if (find("python3") === null) return console.log("skipped: Python is not installed");
  const python = execFileSync("python3", ["-c", "import sys; print(sys.executable)"], { encoding: "utf8" }).trim();
  const path = join(folder, "path-python");
  fs.mkdirSync(path);
  fs.symlinkSync(python, join(path, "python3"));
  for (const name of TOOLS) fs.symlinkSync(find(name)!, join(path, name));
  const { status, stdout, stderr } = spawnSync("/bin/sh", [join(folder, "bundle/start.sh"), "train"], {
    encoding: "utf8",
    env: { PATH: path, HOME: folder },
  });
  assert.is(status, 0, stderr);
  assert.match(stdout, /^ran: train/);
});

test.run();
