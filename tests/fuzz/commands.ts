/**
 * `npm run test:fuzz:commands -- [--cases N] [--seed N]`: damaged configs and runs given to the program as a user would.
 * Each must end with exit code 0, or with 1 and one line on standard error.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { allcnn, type Result } from "../cli/_run.ts";
import { damagedTensors } from "./_cases.ts";
import { type Draw, drawing } from "./_draw.ts";
import { drawSetting, mutateBytes, mutateYaml } from "./_mutate.ts";
import { TINY } from "./_originals.ts";

const { values } = parseArgs({
  options: { cases: { type: "string", default: "100" }, seed: { type: "string", default: "1" } },
});
const folder = mkdtempSync(join(tmpdir(), "allcnn-commands-")), original = join(folder, "original");
const SHORT = ["--epochs=1", "--train-examples=32", "--test-examples=16"];

/** Damages what a command reads; returns what was damaged, how, and the command. */
async function prepare(draw: Draw, run: string): Promise<{ how: string; args: string[] }> {
  if (draw.chance(0.4)) {
    const { how, text } = mutateYaml(draw, TINY), sets = draw.chance(0.3) ? ["--set", drawSetting(draw)] : [];
    writeFileSync(`${folder}/config.yaml`, text);
    return { how: `config, ${how}`, args: ["train", `${folder}/config.yaml`, ...SHORT, ...sets, "--out", run] };
  }
  cpSync(original, run, { recursive: true });
  const file = draw.pick(["checkpoint.safetensors", "checkpoint.safetensors", "metrics.jsonl"]);
  const bytes = new Uint8Array(readFileSync(`${run}/${file}`));
  const damage = file === "metrics.jsonl" ? mutateBytes(draw, bytes) : await damagedTensors(draw, bytes);
  writeFileSync(`${run}/${file}`, damage.bytes);
  if (draw.chance(0.7)) rmSync(`${run}/checkpoint.previous.safetensors`);
  const command = draw.chance(0.4) ? ["evaluate", run] : ["train", "--resume", run, "--epochs", "2"];
  return { how: `${file}, ${damage.how}, ${command[0]}`, args: command };
}

/** What is wrong with how a command ended, or null. */
function flaw({ code, stderr }: Result): string | null {
  if (code === 0) return stderr === "" ? null : `warned on standard error: ${stderr}`;
  const clear = code === 1 && /^allcnn: [^\n]*\n$/.test(stderr) && !stderr.includes("internal error");
  return clear ? null : `exit code ${code}: ${stderr}`;
}

writeFileSync(`${folder}/tiny.yaml`, TINY);
const made = await allcnn(["train", `${folder}/tiny.yaml`, ...SHORT, "--out", original]);
if (made.code !== 0) throw new Error(made.stderr);
let wrong = 0, refused = 0, longest = 0;
for (let number = 0; number < Number(values.cases); number++) {
  const draw = drawing(Number(values.seed), number), run = join(folder, "run");
  const { how, args } = await prepare(draw, run), start = performance.now();
  const result = await allcnn(args), found = flaw(result);
  longest = Math.max(longest, (performance.now() - start) / 1000);
  if (result.code === 1) refused++;
  if (found !== null) wrong++;
  if (found !== null) console.log(`FAILED case ${number}, ${how}: ${found}`);
  rmSync(run, { recursive: true, force: true });
}
rmSync(folder, { recursive: true });
console.log(
  `${refused} refused, ${Number(values.cases) - refused - wrong} ran; the longest took ${longest.toFixed(0)} s`,
);
console.log(`${Number(values.cases) - wrong} passed, ${wrong} failed`);
process.exit(wrong === 0 ? 0 : 1);
