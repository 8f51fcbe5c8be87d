/**
 * `npm run test:soak -- [--minutes N]`: for N minutes models are opened, trained, evaluated, asked, explained and closed in
 * this process, one after the other, while a server of a run answers in another. The buffers on the device must be as many
 * after each round as after the first, and the memory of neither process may grow.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import * as allcnn from "../../mod.ts";
import { allcnn as command } from "../cli/_run.ts";

const { values } = parseArgs({ options: { minutes: { type: "string", default: "180" } } });
const minutes = Number(values.minutes);
/** What memory may grow by from the second quarter of the time to the last, in MB: garbage that is not collected yet. */
const GROWTH_MB = 48;

/** Counts the buffers of a device that are not destroyed. */
function counted(device: GPUDevice): () => number {
  const create = device.createBuffer.bind(device), alive = new Set<GPUBuffer>();
  device.createBuffer = (descriptor) => {
    const buffer = create(descriptor), destroy = buffer.destroy.bind(buffer);
    alive.add(buffer);
    buffer.destroy = () => {
      alive.delete(buffer);
      return destroy();
    };
    return buffer;
  };
  return () => alive.size;
}

/** Megabytes that a process has in main memory. */
const residentOf = (pid: number) =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1000;
const median = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;

let passed = 0, failed = 0;
function check(what: string, right: boolean): void {
  if (right) passed++;
  else failed++;
  if (!right) console.log(`FAILED ${what}`);
}

const device = await allcnn.openDevice(),
  buffers = counted(device.device),
  config = await allcnn.loadConfig("quickstart");
const images = allcnn.generateShapes(1, "train", 128), { name, dataset, network } = config;

/** Everything that holds buffers, once. */
async function round(seed: number): Promise<void> {
  const model = await allcnn.openModel(device, { ...config, name, dataset, network }, { seed });
  const data = { ...images, images: await allcnn.preprocess(model, images.images) };
  const step = { batch: 32, optimizer: allcnn.adamw(), learningRate: 0.001, seed };
  await allcnn.train(model, data, { ...step, epochs: 1, validation: data });
  await allcnn.train(model, [data, data], { ...step, batch: 128, epochs: 1 });
  await allcnn.evaluate(model, data);
  const predictor = await allcnn.openPredictor(model);
  const one = (n: number) => data.images.subarray(3072 * n, 3072 * (n + 1));
  await Promise.all(Array.from({ length: 40 }, (_, n) => predictor.predict(one(n))));
  await allcnn.explain(model, data.images.subarray(0, 2 * 3072), { layer: "conv3", unit: "top", rule: "guided" });
  await predictor.close();
  allcnn.closeModel(model);
}

const folder = mkdtempSync(join(tmpdir(), "allcnn-soak-")), run = `${folder}/run`;
await command(["train", "configs/quickstart.yaml", "--set=dataset.trainExamples=128", "--epochs=1", "--out", run]);
const server = spawn(process.execPath, ["dist/allcnn.js", "serve", run, "--port", "0"], {
  stdio: ["ignore", "pipe", "inherit"],
});
const address = await new Promise<string>((resolve) => {
  let text = "";
  server.stdout.on("data", (data) => {
    text += data;
    const found = /http:\/\/127\.0\.0\.1:\d+/.exec(text);
    if (found !== null) resolve(found[0]);
  });
});

const ours: number[] = [], served: number[] = [], started = performance.now();
const elapsed = () => (performance.now() - started) / 60_000;
try {
  await round(0);
  const before = buffers();
  for (let rounds = 1; elapsed() < minutes; rounds++) {
    await round(rounds);
    check(`${buffers()} buffers after round ${rounds}, ${before} after the first`, buffers() === before);
    for (const path of ["/", "/api/run", "/api/live", "/api/checkpoint"]) {
      const { status } = await fetch(address + path).then(async (answer) => (await answer.arrayBuffer(), answer));
      check(`${path} answers ${status}`, status === 200);
    }
    ours.push(residentOf(process.pid));
    served.push(residentOf(server.pid!));
    if (rounds % 20 === 0) {
      console.log(
        `${elapsed().toFixed(1)} min, ${rounds} rounds: ${ours.at(-1)!.toFixed(0)} MB here, ${
          served.at(-1)!.toFixed(0)
        } MB served, ${before} buffers`,
      );
    }
  }
  if (ours.length < 8) throw new Error(`Only ${ours.length} rounds in ${minutes} minutes: too few to tell`);
  const quarter = ours.length >> 2;
  for (const [what, sizes] of [["this process", ours], ["the server", served]] as const) {
    const early = median(sizes.slice(quarter, 2 * quarter)), late = median(sizes.slice(-quarter));
    console.log(`${what}: ${early.toFixed(0)} MB in the second quarter, ${late.toFixed(0)} MB in the last`);
    check(`${what} grew from ${early.toFixed(0)} to ${late.toFixed(0)} MB`, late - early < GROWTH_MB);
  }
} finally {
  server.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
