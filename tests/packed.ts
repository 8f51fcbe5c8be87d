/** Runs tests that were bundled into one file, on a machine without the sources: `check.js [NAME...]`. */
import process from "node:process";
import { gpu } from "./_gpu.ts";

export interface Suite {
  readonly name: string;
  /** Evaluates the file, which registers its tests. */
  load(): Promise<unknown>;
}

/** Runs the suites whose name contains one of the arguments, or all; ends with "N passed, N failed". */
export async function runPacked(suites: readonly Suite[]): Promise<never> {
  const wanted = process.argv.slice(2);
  const chosen = suites.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
  if (chosen.length === 0) {
    console.error(`No test file matches ${wanted.join(" ")}, there are ${suites.map(({ name }) => name).join(", ")}`);
    process.exit(1);
  }
  try {
    console.log(`Device: ${(await gpu()).description}`);
  } catch (error) {
    console.error((error as Error).message);
    console.log("0 passed, 1 failed");
    process.exit(1);
  }
  // uvu would start by itself as soon as the first file is there.
  const shared = globalThis as { UVU_DEFER?: number; UVU_INDEX?: number; UVU_QUEUE?: unknown[][] };
  shared.UVU_DEFER = 1;
  const { exec } = await import("uvu");
  for (const [index, { name, load }] of chosen.entries()) {
    shared.UVU_INDEX = index;
    shared.UVU_QUEUE!.push([name]);
    await load();
  }
  // uvu counts, but returns nothing: read its summary as it goes by.
  let output = "";
  const write = process.stdout.write.bind(process.stdout);
  process.stdout.write = ((text: string) => {
    output += text;
    return write(text);
  }) as typeof process.stdout.write;
  await exec();
  const total = Number(/Total:\s+(\d+)/.exec(output)?.[1] ?? 0);
  const passed = Number(/Passed:\s+(\d+)/.exec(output)?.[1] ?? 0);
  const failed = Math.max(total - passed, process.exitCode || total === 0 ? 1 : 0);
  write(`${passed} passed, ${failed} failed\n`);
  process.exit(failed > 0 ? 1 : 0);
}
