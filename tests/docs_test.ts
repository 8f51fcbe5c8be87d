/** The documents' promises about code: every export is explained, every example compiles, runs and prints what it says. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { build } from "esbuild";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { inspect } from "node:util";
import type { Context } from "../core/device/device.ts";
import { docstringOf, type Example, examplesOf, exportsOf } from "./_docs.ts";
import { gpu } from "./_gpu.ts";
import { execute, inFolder } from "./cli/_run.ts";

const EXPORTS = exportsOf();
const FILES = ["README.md", "docs/library.md", "docs/guides.md", "mod.ts", ...new Set(EXPORTS.map(({ file }) => file))];

test("every export of mod.ts has a docstring", () => {
  assert.ok(EXPORTS.length > 60, `${EXPORTS.length} exports`);
  const bare = EXPORTS.filter((each) => docstringOf(each) === null).map(({ name, file }) => `${name} of ${file}`);
  assert.is(bare.join("\n"), "");
});

test("deno doc finds nothing without a docstring, and no type that is not exported", async () => {
  const deno = "node_modules/.bin/deno";
  if (!existsSync(deno)) return console.log("skipped: Deno is not installed");
  for (const entry of ["mod.ts", "kernels/mod.ts"]) {
    const { stderr } = await execute(deno, ["doc", "--lint", entry], { env: { NO_COLOR: "1" } });
    const errors = [...stderr.matchAll(/^error.*\n +--> .*$/gm)].map(([text]) =>
      text.replace(/\s+--> .*?([^/]+)$/, " $1")
    );
    assert.is(errors.join("\n"), "", entry);
  }
});

/** Everything that people read, of the project itself. */
const PAGES = [
  ...["README.md", "ARCHITECTURE.md", "BENCHMARKS.md", "CONTRIBUTING.md", "bench/peers/README.md", "results/README.md"],
  ...readdirSync("docs").filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`),
];

test("every script and every file that a document names is there", () => {
  const { scripts } = JSON.parse(readFileSync("package.json", "utf8")), missing: string[] = [];
  let named = 0;
  for (const page of PAGES) {
    const text = readFileSync(page, "utf8");
    for (const [, script] of text.matchAll(/\bnpm run (?:-s )?([a-z:]+)/g)) {
      named++;
      if (scripts[script!] === undefined) missing.push(`${page}: npm run ${script}`);
    }
    for (const [, link] of text.matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)) {
      named++;
      if (!existsSync(join(dirname(page), link!))) missing.push(`${page}: ${link}`);
    }
  }
  assert.ok(named > 60, `${named} of them`);
  assert.is(missing.join("\n"), "");
});

/** Imports come from the tested sources; `console` and the device are the test's. */
function asModule(examples: readonly Example[]): string {
  const names = EXPORTS.map(({ name, type }) => type ? `type ${name}` : name).join(", ");
  const bodies = examples.map(({ source, code }) => {
    const body = code.replace(/^import \{[^}]*\} from "allcnn";$/gm, "");
    return `[${JSON.stringify(source)}, async (console: Console, device: Context) => {{\n${body}\n}}]`;
  });
  return `import { ${names} } from "${resolve("mod.ts")}";
interface Console { log(...values: unknown[]): void }
export const examples: [string, (console: Console, device: Context) => Promise<void>][] = [\n${
    bodies.join(",\n")
  }\n];\n`;
}

/** What an example says that it prints: the comments behind `console.log(...);`. */
const promised = (code: string) =>
  [...code.matchAll(/console\.log\(.*\);(?: \/\/ (.*))?$/gm)].map(([, comment]) => comment ?? null);

test("every example in the README and in docstrings compiles, runs, and prints what its comments say", async () => {
  const examples = FILES.flatMap(examplesOf), folder = resolve("dist/examples_of_docs");
  assert.ok(examples.length >= 20, `${examples.length} examples`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/examples.ts`, asModule(examples));
  writeFileSync(
    `${folder}/tsconfig.json`,
    JSON.stringify({
      extends: resolve("tsconfig.json"),
      compilerOptions: { noUnusedLocals: false },
      include: ["examples.ts"],
      exclude: [],
    }),
  );
  try {
    execFileSync("node_modules/.bin/tsc", ["-p", folder], { encoding: "utf8" });
  } catch (error) {
    throw new Error((error as { stdout: string }).stdout);
  }
  const outfile = `${folder}.js`; // in dist/, as the package's module, so that configs are found by name
  await build({
    entryPoints: [`${folder}/examples.ts`],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20", // which lacks `using`
    packages: "external",
  });
  const { examples: made } = await import(pathToFileURL(outfile).href) as {
    examples: [string, (console: { log(...values: unknown[]): void }, device: Context) => Promise<void>][];
  };
  const device = await gpu(), root = process.cwd();
  await inFolder(async (scratch) => {
    process.chdir(scratch);
    try {
      for (const [index, [source, run]] of made.entries()) {
        const printed: string[] = [];
        const log = (...values: unknown[]) =>
          printed.push(values.map((value) => typeof value === "string" ? value : inspect(value)).join(" "));
        await run({ log }, device).catch((error) => {
          throw new Error(`${source}: ${error.stack}`);
        });
        const said = promised(examples[index]!.code);
        said.forEach((line, i) => line !== null && assert.is(printed[i], line, `${source} prints ${printed[i]}`));
      }
    } finally {
      process.chdir(root);
    }
  });
});

test.run();
