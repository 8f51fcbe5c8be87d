/**
 * `npm run test:torch:curves -- [--epochs N] [--seeds N] [--examples N] [--python FILE]`: trains All-CNN-C at a quarter of
 * its width, without dropout, on real CIFAR-10 (ALLCNN_DATA) here and in PyTorch (torch_curves.py), float32 both, from
 * equal initial values, on equal images in equal order at equal rates. Runs that differ by rounding drift apart: the
 * first 50 steps must agree within 1 %, the test errors of all seeds on average within twice what the seeds spread, or
 * 2 points if that is more.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { loadConfig } from "../../configs/load.ts";
import { openDevice } from "../../core/device/device.ts";
import { permutation } from "../../core/graph/random.ts";
import { elements } from "../../core/graph/tensor.ts";
import { encodeTensors, type HostTensor } from "../../core/host/safetensors.ts";
import { evaluate } from "../../training/evaluate.ts";
import { closeModel, openModel } from "../../training/model.ts";
import { getParams } from "../../training/params.ts";
import { prepare, type Source, whiteningFor } from "../../training/preprocess.ts";
import { openTrainer } from "../../training/trainer.ts";

const WINDOW = 50;

/** Without dropout, whose masks differ; what lets it learn from every seed, at a rate that two epochs are long enough for. */
const SETTINGS = [
  "width=0.25",
  ...[0, 4, 8].map((at) => `network.${at}.dropout.rate=0`),
  "training.init={heNormal: {fan: out}}",
  "training.clipNorm=1",
  "training.learningRate={base: 0.05, warmup: 100, cosine: {}}",
];

/** What one program saw: the mean loss of each window of steps, and the test error after each epoch in percent. */
interface Curve {
  readonly losses: readonly number[];
  readonly errors: readonly number[];
}

const { values } = parseArgs({
  options: {
    epochs: { type: "string", default: "2" },
    seeds: { type: "string", default: "3" },
    examples: { type: "string", default: "50000" },
    python: { type: "string", default: "python3" },
  },
});
const epochs = Number(values.epochs), seeds = Number(values.seeds), count = Number(values.examples);
const directory = process.env["ALLCNN_DATA"] ?? null;
if (directory === null) {
  console.log("Skipped: ALLCNN_DATA does not name a folder with CIFAR-10");
  process.exit(0);
}
const context = await openDevice(), config = await loadConfig("allcnn-c", SETTINGS);
const { batch, optimizer, learningRate, clipNorm, init } = config.training, steps = Math.floor(count / batch);
const source: Source = { config: config.dataset, directory };
const whitening = await whiteningFor(context, source, () => {});
const train = await prepare(context, source, "train", whitening, () => {});
const test = await prepare(context, source, "test", whitening, () => {});
const folder = mkdtempSync(join(tmpdir(), "allcnn-curves-")), size = elements(train.shape);
for (const [name, { images, labels }] of Object.entries({ train, test })) {
  writeFileSync(join(folder, `${name}.images`), images);
  writeFileSync(join(folder, `${name}.labels`), labels);
}

/** Trains here, and writes down what PyTorch needs to do the same. */
async function ours(seed: number): Promise<Curve> {
  const model = await openModel(context, config, { seed, init }), losses: number[] = [], errors: number[] = [];
  const tensors: Record<string, HostTensor> = { ...await getParams(model) }, rates: number[] = [];
  const trainer = await openTrainer(model, {
    ...{ batch, optimizer, learningRate, seed, steps: epochs * steps, stepsPerEpoch: steps },
    ...(clipNorm === undefined ? {} : { clipNorm }),
  });
  for (let step = 0; step < epochs * steps; step++) {
    const epoch = Math.floor(step / steps), order = permutation(count, seed, epoch);
    const chosen = order.subarray(step % steps * batch, (step % steps + 1) * batch);
    const images = new Float32Array(batch * size);
    chosen.forEach((example, at) => images.set(train.images.subarray(example * size, (example + 1) * size), at * size));
    await trainer.step({ images, labels: Uint32Array.from(chosen, (example) => train.labels[example]!) });
    rates.push(trainer.learningRate);
    if (step % steps === 0) tensors[`order/${epoch}`] = { shape: [count], data: Float32Array.from(order) };
    if ((step + 1) % WINDOW === 0) losses.push((await trainer.metrics()).loss);
    if ((step + 1) % steps === 0) errors.push((await evaluate(model, test)).error);
  }
  await trainer.close();
  closeModel(model);
  tensors["rates"] = { shape: [rates.length], data: Float32Array.from(rates) };
  const metadata = { config: JSON.stringify(config), window: String(WINDOW), epochs: String(epochs) };
  writeFileSync(join(folder, "run.safetensors"), await encodeTensors({ metadata, tensors }));
  return { losses, errors };
}

function theirs(): Curve {
  execFileSync(values.python, ["tests/full/torch_curves.py", folder], { stdio: "inherit" });
  return JSON.parse(readFileSync(join(folder, "curve.json"), "utf8")) as Curve;
}

const mean = (of: readonly number[]) => of.reduce((sum, each) => sum + each, 0) / of.length;
const spread = (of: readonly number[]) => Math.sqrt(mean(of.map((each) => (each - mean(of)) ** 2)));
const list = (of: readonly number[], digits: number) => of.map((each) => each.toFixed(digits)).join(", ");
const runs: { readonly here: Curve; readonly there: Curve }[] = [];
try {
  for (let seed = 0; seed < seeds; seed++) {
    const here = await ours(seed), there = theirs();
    console.log(`seed ${seed}, loss of each ${WINDOW} steps`);
    console.log(`  allcnn   ${list(here.losses, 4)}\n  PyTorch  ${list(there.losses, 4)}`);
    console.log(`  test error: allcnn ${list(here.errors, 2)} %, PyTorch ${list(there.errors, 2)} %`);
    runs.push({ here, there });
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const [here, there] = (["here", "there"] as const).map((key) => runs.map((run) => run[key].errors.at(-1)!));
const apart = mean(here!) - mean(there!), wide = Math.max(1, spread(here!), spread(there!)); // one seed has no spread
const first = runs.map(({ here, there }) => Math.abs(here.losses[0]! / there.losses[0]! - 1));
console.log(
  `Test error after ${epochs} epochs: allcnn ${mean(here!).toFixed(2)} %, PyTorch ${mean(there!).toFixed(2)} %, ` +
    `${apart.toFixed(2)} apart; seeds spread by ${spread(here!).toFixed(2)} and ${spread(there!).toFixed(2)}; ` +
    `losses of the first ${WINDOW} steps apart by ${first.map((each) => `${(100 * each).toFixed(3)} %`).join(", ")}`,
);
const good = first.every((each) => each < 0.01) && Math.abs(apart) <= 2 * wide;
console.log(good ? "1 passed, 0 failed" : "0 passed, 1 failed");
process.exit(good ? 0 : 1);
