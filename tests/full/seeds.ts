/**
 * `npm run test:seeds -- [--configs A,B] [--variants A,B] [--seeds N] [--steps N] [--width W] [--log FILE]`: which
 * initial values let a network learn, whatever the seed. Each run trains on real CIFAR-10 (ALLCNN_DATA) with the config's
 * preprocessing until the mean loss of 20 steps, dropout on, falls below 2.2 (guessing: 2.303), or for 400 steps. One
 * line of JSON each in the log; a broken off run goes on where it ends. Then a table: how many seeds learned, in how many
 * steps by median.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { loadConfig } from "../../configs/load.ts";
import type { Config } from "../../configs/schema.ts";
import { openDevice } from "../../core/device/device.ts";
import { submit } from "../../core/device/run_plans.ts";
import { readTensor, writeTensor } from "../../core/device/transfer.ts";
import { permutation } from "../../core/graph/random.ts";
import { alignColumns } from "../../report/op_table.ts";
import { PAPER_CONFIGS } from "../../report/paper_results.ts";
import { closeModel } from "../../training/model.ts";
import { prepare, type Source, whiteningFor } from "../../training/preprocess.ts";
import { makeResident } from "../../training/resident.ts";
import { openSession } from "../../training/session.ts";
import { initialize } from "../../training/snapshot.ts";
import { compileStep, destroyStep, submissionsOf } from "../../training/training_step.ts";

const WINDOW = 20, LEARNED = 2.2;

/** Settings by name; "he-in" is what the configs had at first. */
const VARIANTS: Readonly<Record<string, readonly string[]>> = {
  "he-in": ["training.init={heNormal: {}}"],
  "he-out": ["training.init={heNormal: {fan: out}}"],
  "glorot": ["training.init={glorotNormal: {}}"],
  "he-in clip": ["training.init={heNormal: {}}", "training.clipNorm=1"],
  "he-out clip": ["training.init={heNormal: {fan: out}}", "training.clipNorm=1"],
  "glorot clip": ["training.init={glorotNormal: {}}", "training.clipNorm=1"],
  "he-out clip warmup": [
    "training.init={heNormal: {fan: out}}",
    "training.clipNorm=1",
    "training.learningRate.warmup=200",
  ],
};

interface Run {
  readonly config: string;
  readonly variant: string;
  readonly seed: number;
  /** Steps until it learned, or null. */
  readonly steps: number | null;
  /** Of the last 20 steps. */
  readonly loss: number;
}

/** Table 3 of the paper: the twelve networks without augmentation. */
const TWELVE = PAPER_CONFIGS.filter((name) => /^(base|strided|convpool|allcnn)-[abc]$/.test(name));

const { values } = parseArgs({
  options: {
    configs: { type: "string", default: TWELVE.join(",") },
    variants: { type: "string", default: Object.keys(VARIANTS).join(",") },
    seeds: { type: "string", default: "8" },
    steps: { type: "string", default: "400" },
    width: { type: "string", default: "0.25" },
    log: { type: "string", default: "dist/full/seeds.jsonl" },
  },
});
const [configs, variants] = [values.configs.split(","), values.variants.split(",")];
const seeds = Number(values.seeds), most = Number(values.steps), { log } = values;
const directory = process.env["ALLCNN_DATA"] ?? null, unknown = variants.find((name) => !Object.hasOwn(VARIANTS, name));
if (directory === null || unknown !== undefined) {
  console.log(
    unknown === undefined
      ? "Skipped: ALLCNN_DATA does not name a folder with CIFAR-10"
      : `No variant ${unknown}: there are ${Object.keys(VARIANTS).join(", ")}`,
  );
  process.exit(unknown === undefined ? 0 : 1);
}
mkdirSync(dirname(log), { recursive: true });
const whole = existsSync(log) ? readFileSync(log, "utf8").split("\n").slice(0, -1) : [];
const runs = whole.map((line) => JSON.parse(line) as Run);
const settings = (variant: string) => [...VARIANTS[variant]!, `width=${values.width}`];

const context = await openDevice(), first = await loadConfig(configs[0]!);
const source: Source = { config: first.dataset, directory };
const examples = await prepare(context, source, "train", await whiteningFor(context, source, () => {}), () => {});

/** The runs of one config and variant that the log lacks; they share one compiled step. */
async function train(name: string, variant: string): Promise<void> {
  const done = new Set(runs.flatMap((run) => run.config === name && run.variant === variant ? [run.seed] : []));
  const left = Array.from({ length: seeds }, (_, seed) => seed).filter((seed) => !done.has(seed));
  if (left.length === 0) return;
  const config: Config = await loadConfig(name, settings(variant)), session = openSession(context, config);
  const { buffers, metrics, rate } = session, { batch } = config.training;
  const data = await makeResident(context, buffers, "train", examples), compiled = await compileStep(session, data, {});
  for (const seed of left) {
    await initialize(session, seed, null, "");
    await writeTensor(context, buffers, data.order, permutation(data.count, seed, 0));
    let loss = NaN, steps: number | null = null;
    for (let step = 0; step < most && steps === null; step++) {
      if (step % WINDOW === 0) await writeTensor(context, buffers, metrics, new Float32Array(4));
      const learningRate = rate(step, { epoch: 0, steps: most });
      submit(session, submissionsOf(session, compiled, { step, seed, learningRate, first: step * batch }));
      if ((step + 1) % WINDOW > 0) continue;
      const [sum, , count] = await readTensor(context, buffers, metrics);
      loss = sum! / count!;
      if (loss < LEARNED) steps = step + 1;
      if (Number.isNaN(loss)) break;
    }
    runs.push({ config: name, variant, seed, steps, loss });
    appendFileSync(log, `${JSON.stringify(runs.at(-1))}\n`);
    console.log(`${name}, ${variant}, seed ${seed}: ${steps === null ? `loss ${loss.toFixed(3)}` : `${steps} steps`}`);
  }
  context.check();
  destroyStep(compiled);
  closeModel(session);
}

for (const variant of variants) for (const name of configs) await train(name, variant);

/** "8/8, 120": how many learned, of how many, after how many steps. */
function cell(config: string, variant: string): string {
  const own = runs.filter((run) => run.config === config && run.variant === variant);
  const steps = own.flatMap(({ steps }) => steps ?? []).sort((a, b) => a - b);
  return `${steps.length}/${own.length}${steps.length === 0 ? "" : `, ${steps[steps.length >> 1]}`}`;
}
console.log(alignColumns([
  ["config", ...variants],
  ...configs.map((name) => [
    name,
    ...variants.map((variant) => cell(name, variant)),
  ]),
]));
const best = Math.max(
  ...variants.map((variant) =>
    runs.filter((run) => run.variant === variant && run.steps !== null && configs.includes(run.config)).length
  ),
);
const good = best === configs.length * seeds;
console.log(good ? "1 passed, 0 failed" : "0 passed, 1 failed: no variant lets every seed learn");
process.exit(good ? 0 : 1);
