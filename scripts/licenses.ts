/** The licences of npm packages whose code is carried along. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** "zod" of "node_modules/zod/v4/index.js"; null for a file of the project itself. */
export function packageOf(path: string): string | null {
  return /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? null;
}

/** Paths of the files in a package's folder that hold its licence. */
export function licenseFiles(folder: string): string[] {
  return readdirSync(folder).filter((file) => /^(licen[cs]e|notice)/i.test(file)).map((file) => join(folder, file));
}

/** The licences of installed packages, one after the other under their names. Throws where a package has none. */
export function licenseText(packages: readonly string[]): string {
  return packages.map((name) => {
    const files = licenseFiles(join("node_modules", name));
    if (files.length === 0) throw new Error(`The npm package ${name} has no licence file`);
    return `${name}\n\n${files.map((file) => readFileSync(file, "utf8").trim()).join("\n\n")}\n`;
  }).join(`\n${"-".repeat(80)}\n\n`);
}
