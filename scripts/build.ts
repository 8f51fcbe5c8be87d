/**
 * `npm run build`: writes what Node and browsers run, in dist/. With `--types` it writes what TypeScript reads instead,
 * in dist/types/.
 */
import { build, type BuildOptions } from "esbuild";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import process from "node:process";
import { licenseText, packageOf } from "./licenses.ts";

const COMMON = { bundle: true, format: "esm", logLevel: "warning" } satisfies BuildOptions;

/** Packages stay outside: npm installs them. */
const NODE = { ...COMMON, platform: "node", packages: "external" } satisfies BuildOptions;

/** Everything inside, so that a page can load the file as it is. `browser` of package.json leaves out what is native. */
const BROWSER = { ...COMMON, platform: "browser", metafile: true } satisfies BuildOptions;

async function buildModules(): Promise<void> {
  const [, , { metafile }] = await Promise.all([
    build({ ...NODE, entryPoints: ["mod.ts"], outfile: "dist/mod.js" }),
    build({ ...NODE, entryPoints: ["cli/bin.ts"], outfile: "dist/allcnn.js" }),
    build({ ...BROWSER, entryPoints: ["mod.ts"], outfile: "dist/browser.js" }),
  ]);
  const packages = Object.keys(metafile.inputs).map(packageOf).filter((name) => name !== null);
  fs.writeFileSync("dist/browser.licenses.txt", licenseText([...new Set(packages)].sort()));
}

/** `npx allcnn` in the checkout runs what was just built. */
function linkProgram(): void {
  const link = "node_modules/.bin/allcnn";
  if (process.platform === "win32") return;
  fs.chmodSync("dist/allcnn.js", 0o755);
  fs.rmSync(link, { force: true });
  fs.symlinkSync("../../dist/allcnn.js", link);
}

/** Declarations as tsc writes them, a file per module. They name WebGPU's types, which older libraries of tsc lack. */
function buildTypes(): void {
  fs.rmSync("dist/types", { recursive: true, force: true });
  execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "--project", "tsconfig.types.json"], {
    stdio: "inherit",
  });
  const entry = "dist/types/mod.d.ts";
  fs.writeFileSync(entry, `/// <reference types="@webgpu/types" />\n${fs.readFileSync(entry, "utf8")}`);
}

if (process.argv.includes("--types")) buildTypes();
else {
  await buildModules();
  linkProgram();
}
