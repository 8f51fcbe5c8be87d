/** The peer's side of the protocol, for peers in JavaScript: everything but the framework. */
import { createInterface } from "node:readline";
import process from "node:process";
import { readFile } from "../../core/host/files.ts";
import { elements } from "../../core/graph/tensor.ts";
import type { Request, Started, Stepped, Work } from "./protocol.ts";

/** The work with its files read. */
export interface Inputs extends Work {
  readonly images: Float32Array<ArrayBuffer>;
  readonly labels: Uint32Array<ArrayBuffer>;
  readonly weights: Readonly<Record<string, { readonly shape: readonly number[]; readonly data: Float32Array }>>;
}

/** A framework with the network on its device. */
export interface Trainer {
  readonly device: string;
  readonly version: string;
  /** Back to the given weights, with no momentum. */
  reset(): Promise<void>;
  /** Queues one training step: forward, loss, backward, update. May compile first. */
  step(options: { readonly dropout: boolean; readonly learningRate: number }): Promise<void>;
  /** Waits until the device has done all that was queued. Returns the loss of the last step. */
  finish(): Promise<number>;
}

async function readInputs(work: Work): Promise<Inputs> {
  const floats = new Float32Array((await readFile(work.files.params)).slice().buffer);
  let at = 0;
  const weights = Object.fromEntries(work.params.map(({ name, shape }) => {
    const data = floats.slice(at, at += elements(shape));
    return [name, { shape, data }];
  }));
  const images = new Float32Array((await readFile(work.files.images)).slice().buffer);
  const labels = new Uint32Array((await readFile(work.files.labels)).slice().buffer);
  return { ...work, images, labels, weights };
}

async function secondsOf(run: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await run();
  return (performance.now() - start) / 1000;
}

/** The first step, timed; then, from the given weights and without dropout, the two losses that must agree. */
async function start(trainer: Trainer, { timedRate, config }: Work): Promise<Started> {
  const { device, version } = trainer;
  const firstStepSeconds = await secondsOf(async () => {
    await trainer.step({ dropout: true, learningRate: timedRate });
    await trainer.finish();
  });
  await trainer.reset();
  const checked = { dropout: false, learningRate: config.training.learningRate.base };
  await trainer.step(checked);
  const loss = await trainer.finish();
  await trainer.step(checked);
  const lossAfterUpdate = await trainer.finish();
  await trainer.reset();
  return { device, version, loss, lossAfterUpdate, firstStepSeconds };
}

async function steps(trainer: Trainer, warmup: number, count: number, learningRate: number): Promise<Stepped> {
  const timed = { dropout: true, learningRate };
  for (let index = 0; index < warmup; index++) await trainer.step(timed);
  await trainer.finish();
  let loss = NaN;
  const seconds = await secondsOf(async () => {
    for (let index = 0; index < count; index++) await trainer.step(timed);
    loss = await trainer.finish();
  });
  return { seconds, loss };
}

/** Answers requests until told to stop, or until the driver is gone; then ends the process. */
export async function serve(open: (inputs: Inputs) => Promise<Trainer>): Promise<never> {
  const write = process.stdout.write.bind(process.stdout);
  process.stdout.write = process.stderr.write.bind(process.stderr); // what libraries print is no answer
  // A native print may have left its line open.
  const say = (record: object) => new Promise<void>((done) => write(`\n${JSON.stringify(record)}\n`, () => done()));
  let opened: { trainer: Trainer; work: Work } | null = null;
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line) as Request;
    if (request.cmd === "stop") break;
    try {
      if (request.cmd === "start") {
        const trainer = await open(await readInputs(request));
        await trainer.reset();
        opened = { trainer, work: request };
        await say({ answer: await start(trainer, request) });
      } else if (opened === null) await say({ error: "It was not started" });
      else {
        const { trainer, work } = opened;
        await say({ answer: await steps(trainer, request.warmup, request.count, work.timedRate) });
      }
    } catch (error) {
      process.stderr.write(`${(error as Error).stack ?? error}\n`);
      await say({ error: String((error as Error).message ?? error).split("\n")[0]! });
    }
  }
  process.exit(0); // Dawn's threads would keep it alive
}
