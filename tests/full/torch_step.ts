/**
 * `npm run test:torch -- CONFIG [--batch N] [--micro-batch N] [--set path=value] [--exact] [--python FILE]`: one
 * training step of a config's whole network, as it is, against PyTorch in float64 (torch_step.py): loss, gradients with
 * weight decay (the momentum after a first step) and updated parameters, the relative L2 error of each tensor. Random
 * images and labels without augmentation; the masks of dropout go along.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { loadConfig } from "../../configs/load.ts";
import { openDevice } from "../../core/device/device.ts";
import { draw, key, streamOf } from "../../core/graph/random.ts";
import { decodeTensors, encodeTensors, type HostTensor } from "../../core/host/safetensors.ts";
import { readFile, writeFile } from "../../core/host/files.ts";
import { elements } from "../../core/graph/tensor.ts";
import { readTensor } from "../../core/device/transfer.ts";
import { type LayerNode, layerTree } from "../../layers/tree.ts";
import { placed } from "../../data/canvas.ts";
import { initialize } from "../../training/snapshot.ts";
import { getParams } from "../../training/params.ts";
import { makeResident } from "../../training/resident.ts";
import { openSession } from "../../training/session.ts";
import { submit } from "../../core/device/run_plans.ts";
import { compileStep, submissionsOf } from "../../training/training_step.ts";
import { random, relativeError } from "../_gpu.ts";
import * as reference from "../_reference.ts";

const SEED = 7, STEP = 3, TOLERANCE = 1e-3;

const { values, positionals: [path] } = parseArgs({
  allowPositionals: true,
  options: {
    batch: { type: "string", default: "2" },
    "micro-batch": { type: "string" },
    set: { type: "string", multiple: true, default: [] },
    exact: { type: "boolean", default: false },
    python: { type: "string", default: "python3" },
  },
});
if (path === undefined) {
  console.error("Name a config: npm run test:torch -- configs/allcnn-b-imagenet.yaml");
  process.exit(1);
}
const batch = Number(values.batch), config = await loadConfig(path, [`training.batch=${batch}`, ...values.set]);
const context = await openDevice({ exact: values.exact });
console.log(context.description);
const opened = openSession(context, config), canvas = opened.canvas && { ...opened.canvas, distortion: null };
const session = { ...opened, augment: null, canvas };

const images = Float32Array.from(random(batch * elements(session.images), SEED));
const drawn = key(SEED, 0, streamOf("labels"));
const labels = Uint32Array.from({ length: batch }, (_, n) => draw(drawn, n) % session.classes);
const data = await makeResident(context, session.buffers, "train", {
  images,
  labels,
  count: batch,
  shape: session.images,
});
const x = { shape: [batch, ...session.input], data: canvas === null ? images : placed(images, session.images, canvas) };

/** What dropout multiplies with: NHWC, by the name of the layer. */
function masks(): Record<string, HostTensor> {
  const result: Record<string, HostTensor> = {};
  const add = ({ layer: { made }, path, output, inner }: LayerNode): void => {
    inner.forEach(add);
    const { rate } = (made?.options ?? {}) as { rate?: number };
    if (made?.kind.key !== "dropout" || rate === undefined || rate === 0) return;
    const options = { seed: SEED, step: STEP, stream: streamOf(path) };
    const mask = reference.dropout(new Float64Array(elements(output)).fill(1), rate, options);
    result[`mask/${path}`] = { shape: [...output], data: Float32Array.from(mask) };
  };
  add(layerTree(session.network, x.shape));
  return result;
}

const prefixed = (prefix: string, tensors: Readonly<Record<string, HostTensor>>) =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [`${prefix}/${name}`, tensor]));

const micro = values["micro-batch"],
  step = await compileStep(session, data, { microBatch: micro ? Number(micro) : null });
await initialize(session, SEED, null, "");
const before = Object.fromEntries(
  Object.entries(await getParams(session)).filter(([name]) => !name.startsWith("velocity/")),
);
const started = performance.now();
submit(
  session,
  submissionsOf(session, step, { step: STEP, seed: SEED, learningRate: config.training.learningRate.base, first: 0 }),
);
const [loss, , examples] = await readTensor(context, session.buffers, session.metrics);
context.check();
console.log(
  `${config.name}: a step of ${batch} in micro-batches of ${step.microBatch} took ` +
    `${((performance.now() - started) / 1000).toFixed(1)} s`,
);
const after = await getParams(session);

const folder = mkdtempSync(join(tmpdir(), "allcnn-torch-")),
  stepFile = join(folder, "step"),
  resultFile = join(folder, "result");
let expected: Readonly<Record<string, HostTensor>>;
try {
  const tensors = {
    x,
    labels: { shape: [batch], data: Float32Array.from(labels) },
    ...prefixed("before", before),
    ...masks(),
  };
  await writeFile(stepFile, await encodeTensors({ metadata: { config: JSON.stringify(config) }, tensors }));
  execFileSync(values.python, ["tests/full/torch_step.py", stepFile, resultFile], { stdio: "inherit" });
  expected = (await decodeTensors(await readFile(resultFile), resultFile)).tensors;
} finally {
  rmSync(folder, { recursive: true });
}

const errors: [string, number][] = [["loss", relativeError([loss! / examples!], expected["loss"]!.data)]];
for (const name of Object.keys(before)) {
  const gradient = after[`velocity/${name}`]!.data, known = expected[`velocity/${name}`]!.data;
  errors.push([`gradient of ${name}`, relativeError(gradient, known)]);
  errors.push([name, relativeError(after[name]!.data, expected[`after/${name}`]!.data)]);
}
for (const [name, error] of errors) console.log(`  ${error.toExponential(1)} ${name}`);
const wrong = errors.filter(([, error]) => !(error < TOLERANCE));
console.log(`Loss ${(loss! / examples!).toFixed(6)}, PyTorch's ${expected["loss"]!.data[0]!.toFixed(6)}`);
console.log(`${errors.length - wrong.length} passed, ${wrong.length} failed`);
process.exit(wrong.length === 0 ? 0 : 1);
