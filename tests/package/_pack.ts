/** Packs the package once per test run, as `npm pack` does before it is published. */
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import * as assert from "uvu/assert";
import { execute } from "../cli/_run.ts";

const NOT_SOURCES = /^(\..*|dist|node_modules|results|runs)$/;

let packed: Promise<{ path: string; files: string[] }> | undefined;

async function pack(): Promise<{ path: string; files: string[] }> {
  const folder = mkdtempSync(join(tmpdir(), "allcnn-pack-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  // In a copy: packing builds dist/ anew, which other tests run meanwhile.
  const copy = join(folder, "copy");
  for (const name of readdirSync(".").filter((name) => !NOT_SOURCES.test(name))) {
    cpSync(name, join(copy, name), { recursive: true });
  }
  symlinkSync(resolve("node_modules"), join(copy, "node_modules"));
  const { code, stderr } = await execute("npm", ["pack", "--pack-destination", folder], { cwd: copy });
  assert.is(code, 0, stderr);
  const path = join(folder, readdirSync(folder).find((name) => name.endsWith(".tgz"))!);
  const { stdout } = await execute("tar", ["-tzf", path]);
  return { path, files: stdout.trim().split("\n").map((name) => name.replace(/^package\//, "")) };
}

/** Paths of the files in the tarball. */
export async function listPackage(): Promise<string[]> {
  packed ??= pack();
  return (await packed).files;
}

/** The path of the tarball. */
export async function tarball(): Promise<string> {
  packed ??= pack();
  return (await packed).path;
}
