/** A training step on generated images that computes the same again and again: what `bench` and `tune` time. */
import type { Config } from "../configs/schema.ts";
import type { Context } from "../core/device/device.ts";
import { median, timePasses } from "../core/measure/profile.ts";
import { encodeStep } from "../core/graph/step_data.ts";
import { writeTensor } from "../core/device/transfer.ts";
import type { Tuner } from "../core/graph/tuner.ts";
import type { Dataset } from "../data/dataset.ts";
import { generateShapes } from "../data/datasets/shapes.ts";
import { initialize } from "../training/snapshot.ts";
import { makeResident, type Resident } from "../training/resident.ts";
import { openSession, type Session } from "../training/session.ts";
import {
  compileStep,
  destroyStep,
  SAME_EACH_TIME,
  submissionsOf,
  type TrainingStep,
} from "../training/training_step.ts";

/** A session with initial parameters and one batch of images. */
export async function openTimedStep(context: Context, config: Config): Promise<{ session: Session; data: Resident }> {
  const session = openSession(context, config);
  const examples = examplesOf(session.images, config.training.batch);
  // Scaled as training would: saturated logits would make gradients subnormal, which CPUs multiply slowly.
  examples.images.forEach((value, i) => examples.images[i] = value / 127.5 - 1);
  const data = await makeResident(context, session.buffers, "train", examples);
  await initialize(session, 0, null, "");
  await writeTensor(context, session.buffers, session.step, encodeStep(SAME_EACH_TIME));
  return { session, data };
}

/** As many images of `shape`, values 0 ... 255: generated ones, side by side where the shape is larger than one. */
function examplesOf(shape: Dataset["shape"], count: number): Dataset {
  const examples = generateShapes(1, "train", count), [height, width, channels] = shape, [side] = examples.shape;
  const images = new Float32Array(count * height * width * channels);
  for (let i = 0; i < images.length; i++) {
    const pixel = Math.floor(i / channels), x = pixel % width, y = Math.floor(pixel / width) % height;
    const n = Math.floor(pixel / (width * height));
    images[i] = examples.images[((n * side + y % side) * side + x % side) * channels + i % channels]!;
  }
  return { ...examples, images, shape };
}

/** Samples of each step: fewer of one that takes long. */
const SAMPLES = 7, LONG_SAMPLES = 3, LONG_SECONDS = 1;

/** Median seconds of a step on the device with the tunings of each tuner, timed by turns after a warm-up. */
export async function compareSteps(session: Session, data: Resident, tuners: readonly Tuner[]): Promise<number[]> {
  const { context } = session;
  const compiled: TrainingStep[] = [];
  for (const tuner of tuners) compiled.push(await compileStep(session, data, { tuner }));
  const steps = compiled.map((step) =>
    submissionsOf(session, step, SAME_EACH_TIME).flatMap(({ plans }) => plans).flatMap(({ dispatches }) => dispatches)
  );
  const time = async (index: number) => (await timePasses(context, [steps[index]!])).passes[0]!.seconds;
  const first: number[] = [], seconds: number[][] = steps.map(() => []);
  for (const index of steps.keys()) first.push(await time(index));
  const samples = Math.max(...first) > LONG_SECONDS ? LONG_SAMPLES : SAMPLES;
  for (let sample = 0; sample < samples; sample++) {
    for (const index of steps.keys()) {
      const turn = (index + sample) % steps.length; // who goes first changes
      seconds[turn]!.push(await time(turn));
    }
  }
  compiled.forEach(destroyStep);
  context.check();
  return seconds.map(median);
}
