/** What is published: package.json and deno.json agree, and the tarball holds what a user needs and nothing else. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { build } from "esbuild";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, resolve } from "node:path";
import process from "node:process";
import { execute, inFolder } from "../cli/_run.ts";
import { listPackage } from "./_pack.ts";

interface Manifest {
  readonly version: string;
  readonly license: string;
  readonly main: string;
  readonly types: string;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
}

const read = (path: string) => JSON.parse(readFileSync(path, "utf8")) as Manifest;
const npm = read("package.json"), deno = read("deno.json");

/** Specifiers that a built module imports, dynamic imports included. */
async function importsOf(path: string): Promise<string[]> {
  const { metafile } = await build({
    entryPoints: [path],
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    packages: "external",
    metafile: true,
  });
  return Object.values(metafile.outputs).flatMap(({ imports }) => imports.map(({ path }) => path));
}

/** "@a/b" of "@a/b/c.js". */
const packageOf = (specifier: string) => specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/");

test("package.json, package-lock.json and deno.json agree on version, license and exports", () => {
  assert.is(deno.version, npm.version);
  assert.is(read("package-lock.json").version, npm.version);
  assert.is(deno.license, npm.license);
  // The build makes each module from the file that deno.json exports.
  assert.equal(deno.exports, { ".": "./mod.ts", "./kernels": "./kernels/mod.ts" });
  assert.equal(npm.exports, {
    ".": {
      "types@<6": "./dist/types/before_6.d.ts",
      types: "./dist/types/mod.d.ts",
      node: "./dist/mod.js",
      default: "./dist/browser.js",
    },
    "./kernels": { types: "./dist/types/kernels/mod.d.ts", default: "./dist/kernels.js" },
    "./configs/*": "./configs/*",
    "./models/*": "./models/*",
    "./package.json": "./package.json",
  });
  assert.equal([npm.main, npm.types], ["./dist/mod.js", "./dist/types/mod.d.ts"]); // for resolvers without exports
});

test("all packages have exact versions", () => {
  for (const [name, version] of Object.entries({ ...npm.dependencies, ...npm.optionalDependencies })) {
    assert.match(version, /^\d+\.\d+\.\d+$/, name);
  }
});

test("the modules for Node import no package but the declared ones, and all of these", async () => {
  const declared = Object.keys({ ...npm.dependencies, ...npm.optionalDependencies });
  const imported = new Set<string>();
  for (const path of ["dist/mod.js", "dist/program.js"]) {
    for (const specifier of await importsOf(path)) {
      if (!specifier.startsWith("node:")) imported.add(packageOf(specifier));
    }
  }
  assert.equal([...imported].filter((name) => builtinModules.includes(name)), [], "without node:");
  // Fonts are files of a package that are looked up by name; types are for older compilers.
  assert.equal([...imported, "@fontsource/inter", "@webgpu/types"].sort(), declared.sort());
});

test("the modules for browsers and of kernels import nothing at all", async () => {
  assert.equal(await importsOf("dist/browser.js"), []);
  assert.equal(await importsOf("dist/kernels.js"), []);
  for (const name of ["yaml", "zod"]) {
    assert.match(readFileSync("dist/browser.licenses.txt", "utf8"), new RegExp(`^${name}$`, "m"));
  }
});

test("the tarball holds modules, declarations, configs, the trained network and documents, and nothing else", async () => {
  const files = await listPackage();
  const types = files.filter((path) => path.startsWith("dist/types/"));
  assert.equal(types.filter((path) => !path.endsWith(".d.ts")), []);
  assert.ok(types.includes("dist/types/mod.d.ts"));
  assert.equal(types.filter((path) => !existsSync(path.slice("dist/types/".length).replace(/\.d\.ts$/, ".ts"))), [
    "dist/types/before_6.d.ts",
  ]);
  const configs = readdirSync("configs").filter((name) => name.endsWith(".yaml")).map((name) => `configs/${name}`);
  assert.ok(configs.includes("configs/quickstart.yaml"));
  assert.equal(
    files.filter((path) => !types.includes(path)).sort(),
    [
      ...configs,
      "CHANGELOG.md",
      "LICENSE",
      "README.md",
      "configs/schema.json",
      "dist/allcnn.js",
      "dist/browser.js",
      "dist/browser.licenses.txt",
      "dist/kernels.js",
      "dist/mod.js",
      "docs/images/demo-images.png",
      "dist/page/index.html",
      "dist/page/page.css",
      "dist/page/page.js",
      "dist/page/train_worker.js",
      "dist/program.js",
      "models/README.md",
      "models/demo.json",
      "models/demo.safetensors",
      ...readdirSync("models/samples").map((name) => `models/samples/${name}`),
      "package.json",
    ].sort(),
  );
});

test("without optional packages the library loads, and the program names the one that is missing", () =>
  inFolder(async (folder) => {
    mkdirSync(`${folder}/dist`);
    copyFileSync("package.json", `${folder}/package.json`);
    for (const name of ["mod.js", "allcnn.js", "program.js"]) copyFileSync(`dist/${name}`, `${folder}/dist/${name}`);
    mkdirSync(`${folder}/node_modules`);
    for (const name of Object.keys(npm.dependencies)) {
      mkdirSync(dirname(`${folder}/node_modules/${name}`), { recursive: true });
      symlinkSync(resolve("node_modules", name), `${folder}/node_modules/${name}`);
    }
    const load = 'import { RULES } from "./dist/mod.js"; console.log(RULES.length);';
    writeFileSync(`${folder}/load.js`, load);
    const library = await execute(process.execPath, ["load.js"], { cwd: folder });
    assert.equal([library.code, library.stdout], [0, "3\n"], library.stderr);
    const program = await execute(process.execPath, [`${folder}/dist/allcnn.js`, "--help"]);
    assert.is(program.code, 1);
    assert.match(
      program.stderr,
      /^allcnn: The package "[\w@/-]+" is missing, .*: npm install --include=optional brings it\n$/,
    );
    const [, name] = /"([^"]+)"/.exec(program.stderr)!;
    assert.ok(name! in npm.optionalDependencies, name);
  }));

test("every picture that README.md shows is in the tarball", async () => {
  const pictures = [...readFileSync("README.md", "utf8").matchAll(/!\[[^\]]*\]\(([^)]+)\)/g)].map(([, path]) => path!);
  const files = await listPackage();
  assert.equal(pictures.filter((path) => !files.includes(path)), []);
});

test.run();
