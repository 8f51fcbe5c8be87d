/**
 * Runs the tests: bundles every *_test.ts with esbuild, runs the files with uvu in two processes, each of which takes the
 * next file when it is done with one, and ends with a count. `--times` adds how long each file took.
 */
import { build } from "esbuild";
import { readdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { type Outcome, Runner } from "./_runner.ts";
import { slowestFirst } from "./_slowest.ts";

const wanted = process.argv.slice(2).filter((argument) => argument !== "--times");
const files = (readdirSync("tests", { recursive: true }) as string[])
  .filter((file) => file.endsWith("_test.ts") && (wanted.length === 0 || wanted.some((part) => file.includes(part))))
  .sort();
if (files.length === 0) {
  console.error(`No test file matches ${wanted.join(" ")}`);
  process.exit(1);
}
const outdir = process.env["TEST_DIR"] ?? "dist/tests";
rmSync(outdir, { recursive: true, force: true });
await build({
  entryPoints: files.map((file) => join("tests", file)),
  outbase: "tests",
  outdir,
  bundle: true,
  splitting: true, // one copy of the shared modules, so one GPU device per process
  format: "esm",
  platform: "node",
  target: "node20", // which lacks `using`
  packages: "external",
  sourcemap: "linked",
});

/** Mesa's software driver compiles in half the time without LLVM's optimizations; shaders run a little slower. */
const FAST = { GALLIVM_PERF: "nopt" };

/**
 * With vectors of 4 floats instead of 8 it compiles twice as fast again, but has subgroups of 4, for which no kernel
 * broadcasts. Kernels, the tuner and the installed package are tested with 8, as a user has them; and All-CNN-C against
 * float64, where sums in the order for 4 tip one ReLU over.
 */
const NARROW = { ...FAST, LP_NATIVE_VECTOR_WIDTH: "128" };
const isWide = (file: string) => /^(kernels|core|package)\b|lockstep/.test(file);

const outcomes: Outcome[] = [];

const queue = slowestFirst(files);
await Promise.all(Array.from({ length: 2 }, async () => {
  const wide = new Runner(FAST), narrow = new Runner(NARROW);
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
    const runner = isWide(file) ? wide : narrow;
    outcomes.push(await runner.run(file, resolve(outdir, file.replace(/ts$/, "js"))));
  }
  wide.close();
  narrow.close();
}));

if (process.argv.includes("--times")) {
  for (const { file, seconds } of outcomes.sort((a, b) => b.seconds - a.seconds)) {
    console.log(`${seconds.toFixed(1).padStart(7)} s  ${file}`);
  }
}
const failures = outcomes.filter(({ failed }) => failed > 0);
if (failures.length > 0) console.log(`Failed: ${failures.map(({ file }) => file).join(", ")}`);
const sum = (key: "passed" | "failed") => outcomes.reduce((total, each) => total + each[key], 0);
console.log(`${sum("passed")} passed, ${sum("failed")} failed`);
process.exit(failures.length === 0 ? 0 : 1);
