/** Runs the tests: bundles every *_test.ts with esbuild, runs them with uvu in two processes, ends with a count. */
import { build } from "esbuild";
import { spawn } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

const wanted = process.argv.slice(2);
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
  packages: "external",
  sourcemap: "linked",
});

/** What became of some files. */
interface Outcome {
  readonly passed: number;
  readonly failed: number;
}

/** Runs files with uvu in a process of its own, and prints each file's results once they are there. */
async function runFiles(files: readonly string[]): Promise<Outcome> {
  if (files.length === 0) return { passed: 0, failed: 0 };
  // uvu collects the suites while it imports them; Dawn would keep the process alive afterwards.
  const main = `
import { run } from "uvu/run";
await run(${
    JSON.stringify(
      files.map((file) => ({ name: file, file: join(process.cwd(), outdir, file.replace(/ts$/, "js")) })),
    )
  });
process.exit(process.exitCode ?? 0);
`;
  // Mesa's software driver compiles shaders in half the time without LLVM's optimizations; they run a little slower.
  const child = spawn(process.execPath, ["--enable-source-maps", "--input-type=module", "-e", main], {
    stdio: ["inherit", "pipe", "inherit"],
    env: { GALLIVM_PERF: "nopt", ...process.env },
  });
  let output = "", printed = 0;
  child.stdout.on("data", (data: Uint8Array) => {
    output += new TextDecoder().decode(data);
    const end = output.lastIndexOf("\n\n") + 1;
    if (end <= printed) return;
    process.stdout.write(output.slice(printed, end));
    printed = end;
  });
  const code = await new Promise<number>((resolve) => child.on("close", (code) => resolve(code ?? 1)));
  process.stdout.write(output.slice(printed));
  const total = Number(/Total:\s+(\d+)/.exec(output)?.[1] ?? 0);
  const passed = Number(/Passed:\s+(\d+)/.exec(output)?.[1] ?? 0);
  // A process that ends before its summary has failed, whatever it counted.
  return { passed, failed: Math.max(total - passed, code === 0 && total > 0 ? 0 : 1) };
}

// Packing builds dist/ anew, which others run: alone, and first. The rest, which mostly waits for one compiler thread,
// runs in two processes.
const packing = files.filter((file) => file.startsWith("package/"));
const others = files.filter((file) => !packing.includes(file));
const outcomes = [await runFiles(packing)];
outcomes.push(
  ...await Promise.all([0, 1].map((lane) => runFiles(others.filter((_, index) => index % 2 === lane)))),
);
const passed = outcomes.reduce((sum, each) => sum + each.passed, 0);
const failed = outcomes.reduce((sum, each) => sum + each.failed, 0);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
