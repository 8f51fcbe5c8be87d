/** What `bench --data` measures: how fast pictures are decoded, and how long training on them waits for them. */
import { UserError } from "../core/host/errors.ts";
import { key, unit } from "../core/graph/random.ts";
import { cpuSeconds } from "../core/host/process.ts";
import { planLoop } from "../core/device/run_plans.ts";
import { isDirectory } from "../core/host/files.ts";
import type { Tuner } from "../core/graph/tuner.ts";
import type { Crops } from "../data/crop.ts";
import { cropsOf, imageShape } from "../data/datasets/mod.ts";
import { checkDecoder } from "../data/image.ts";
import { decodeBatch } from "../data/image_batch.ts";
import { type ImageFolder, listImageFolder } from "../data/image_folder.ts";
import { channelScale } from "../data/transforms/mod.ts";
import { startPass } from "../training/examples.ts";
import { runPass } from "../training/pass.ts";
import type { Session } from "../training/session.ts";
import { compileStep, destroyStep, submissionsOf } from "../training/training_step.ts";
import { stream } from "../training/streamed.ts";

export interface PictureFigures {
  readonly pictures: number;
  /** With all threads of the decoder. */
  readonly decodedPerSecond: number;
  /** Per second of processor time: of one core. */
  readonly decodedPerCore: number;
  /** Of training on the pictures, the first step aside. */
  readonly trainedPerSecond: number;
  readonly waitingPercent: number;
}

/** Pictures to decode: enough that the first, for which the decoder starts, are few of them. */
const DECODED = 512, AT_ONCE = 64;

/** The pictures again and again, until there are `count`. */
function repeated(folder: ImageFolder, count: number): ImageFolder {
  const { length } = folder.names;
  return {
    ...folder,
    names: Array.from({ length: count }, (_, i) => folder.names[i % length]!),
    labels: Uint32Array.from({ length: count }, (_, i) => folder.labels[i % length]!),
  };
}

async function timeDecoding(folder: ImageFolder, { shortSide, crop }: Crops) {
  const pictures = repeated(folder, DECODED), k = key(0, 0, 0);
  const decode = async (from: number) => {
    const examples = Array.from({ length: AT_ONCE }, (_, n) => from + n);
    const cropOf = (n: number) => ({ shortSide, crop, x: unit(k, from + n), y: unit(k, from - n), flip: n % 2 === 0 });
    await decodeBatch(pictures, examples, AT_ONCE, crop, cropOf, (_, error) => {
      throw error;
    });
  };
  await decode(0);
  const start = performance.now(), busy = cpuSeconds();
  for (let from = 0; from < DECODED; from += AT_ONCE) await decode(from);
  return {
    decodedPerSecond: 1000 * DECODED / (performance.now() - start),
    decodedPerCore: DECODED / (cpuSeconds() - busy),
  };
}

/** Measures on the pictures of train/, or of val/ where there is no train/. Throws `UserError` where there are none. */
export async function benchPictures(
  session: Session,
  directory: string,
  { steps, tuner, microBatch }: { readonly steps: number; readonly tuner: Tuner; readonly microBatch: number | null },
): Promise<PictureFigures> {
  const { dataset, name } = session.config!, crops = cropsOf(dataset), { batch } = session;
  if (crops === null) throw new UserError(`--data cannot be used with ${name}: its images are no picture files`);
  await checkDecoder();
  const folder = await listImageFolder(directory, await isDirectory(`${directory}/train`) ? "train" : "val");
  if (folder.classes.length > session.classes) {
    throw new UserError(
      `${folder.classes.length} classes in "${folder.directory}", the network has ${session.classes}`,
    );
  }
  const decoding = await timeDecoding(folder, crops);

  const options = { crops, scale: channelScale(dataset, imageShape(dataset)[2]), batch, warn() {} };
  const data = stream("pictures", repeated(folder, (steps + 1) * batch), options);
  const step = await compileStep(session, data, { tuner, microBatch });
  const training = { seed: 0, epoch: 0, firstStep: 0, first: 0, distorts: true };
  const pass = await startPass(session, data, { batch, batches: steps + 1, training }), loop = planLoop(session);
  let start = 0, waited = 0;
  await runPass(loop, pass, steps + 1, {
    step: (at) => submissionsOf(session, step, { step: at, seed: 0, learningRate: 0, first: at * batch }),
    async after(at) {
      if (at > 0) return true;
      await loop.finish();
      [start, waited] = [performance.now(), loop.waitedSeconds()];
      return true;
    },
  });
  await loop.finish();
  const seconds = (performance.now() - start) / 1000;
  destroyStep(step);
  return {
    pictures: folder.names.length,
    ...decoding,
    trainedPerSecond: steps * batch / seconds,
    waitingPercent: 100 * (loop.waitedSeconds() - waited) / seconds,
  };
}
