/** Packs the package once per test run, as `npm pack` does before it is published. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import * as assert from "uvu/assert";
import { execute } from "../cli/_run.ts";

let packed: Promise<{ path: string; files: string[] }> | undefined;

async function pack(): Promise<{ path: string; files: string[] }> {
  const folder = mkdtempSync(join(tmpdir(), "allcnn-pack-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const { code, stderr } = await execute("npm", ["pack", "--pack-destination", folder]);
  assert.is(code, 0, stderr);
  const path = join(folder, readdirSync(folder)[0]!);
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
