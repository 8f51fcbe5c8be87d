/**
 * `npm run test:full -- [--checks N] [--seed N] [--oblong] [--log FILE]`: random checks of every convolution kernel
 * against float64 (checks.ts), with --oblong of kernels, strides and padding that differ along the axes; one line of JSON
 * each in the log. A run that was broken off goes on where its log ends.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { openDevice } from "../../core/device/device.ts";
import { type Check, runCheck } from "./checks.ts";
import { canEmulateMatrices, MATRIX_EVERY, runMatrixCheck } from "./matrix_checks.ts";

const { values } = parseArgs({
  options: {
    checks: { type: "string", default: "3000" },
    seed: { type: "string", default: "1" },
    oblong: { type: "boolean", default: false },
    log: { type: "string", default: "dist/full/checks.jsonl" },
  },
});
const checks = Number(values.checks), seed = Number(values.seed), { log, oblong } = values;
const devices = { safe: await openDevice({ safe: true }), fast: await openDevice() };

/** The log's first line says what it is a log of; a log of something else is not gone on with. */
const header = JSON.stringify({ seed, ...(oblong ? { oblong } : {}), device: devices.fast.scope });
mkdirSync(dirname(log), { recursive: true });
if (!existsSync(log)) appendFileSync(log, `${header}\n`);
// What follows the last end of a line was being written when a run was killed.
const whole = readFileSync(log, "utf8").replace(/[^\n]*$/, "");
writeFileSync(log, whole);
const [first, ...lines] = whole.split("\n").filter((line) => line !== "");
if (first !== header) {
  console.error(`${log} is the log of another seed or device; name another file with --log`);
  process.exit(1);
}
const done = lines.map((line) => JSON.parse(line) as Check);
const started = performance.now();
for (let check = done.length; check < checks; check++) {
  const safe = Math.floor(check / MATRIX_EVERY) % 2 === 0, context = safe ? devices.safe : devices.fast;
  const onMatrices = check % MATRIX_EVERY >= MATRIX_EVERY - 1 && canEmulateMatrices(context);
  const result = onMatrices
    ? await runMatrixCheck(seed, check, context, { safe, oblong })
    : await runCheck(seed, check, { ...devices, oblong });
  appendFileSync(log, `${JSON.stringify(result)}\n`);
  done.push(result);
  if (!result.right) console.log(`WRONG ${JSON.stringify(result)}`);
  if ((check + 1) % 50 === 0) {
    const seconds = (performance.now() - started) / 1000;
    console.log(
      `${check + 1} of ${checks} checks, ${done.filter(({ right }) => !right).length} wrong, ${seconds.toFixed(0)} s`,
    );
  }
}
const counts: Record<string, number> = {};
for (const { kernel, tuning } of done) {
  const { family, tile, product } = tuning as { family: string; tile?: number; product?: { family: string } };
  const kind = [kernel, family, tile === undefined ? "" : `F(${tile}x${tile})`, product?.family].filter(Boolean).join(
    " ",
  );
  counts[kind] = (counts[kind] ?? 0) + 1;
}
for (const [kind, count] of Object.entries(counts).sort()) console.log(`  ${String(count).padStart(5)} ${kind}`);
const largest = (of: (check: Check) => boolean) =>
  Math.max(0, ...done.filter(of).flatMap(({ errors }) => typeof errors === "string" ? [] : errors));
const familyOf = ({ tuning }: Check) => (tuning as { family: string }).family;
const families = (of: (family: string) => boolean) => largest((check) => of(familyOf(check))).toExponential(1);
console.log(
  `Largest relative error: ${families((family) => family === "winograd")} with Winograd, ` +
    `${families((family) => family === "matrix")} on emulated matrix units in half precision, ` +
    `${families((family) => family !== "winograd" && family !== "matrix")} else`,
);
const wrong = done.filter(({ right }) => !right).length;
console.log(`${done.length - wrong} passed, ${wrong} failed`);
process.exit(wrong === 0 ? 0 : 1);
