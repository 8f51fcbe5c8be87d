/** Every program that the configs lead to, as `compile` hands it to a tuner, traced without a GPU. */
import { readdirSync } from "node:fs";
import { loadConfig } from "../../configs/load.ts";
import { cropsOf } from "../../data/datasets/mod.ts";
import { channelScale } from "../../data/transforms/mod.ts";
import type { Config } from "../../configs/schema.ts";
import type { Context } from "../../core/device/device.ts";
import { type Op, op } from "../../core/graph/op.ts";
import { defaultTuner, type Tuner } from "../../core/graph/tuner.ts";
import { rowsAtOnce } from "../../data/whitening.ts";
import { explain } from "../../explain/explain.ts";
import { layerNames } from "../../explain/layer_of.ts";
import { topActivationsOn } from "../../explain/top_activations.ts";
import { convBackwardWeight } from "../../kernels/conv/conv_backward_weight.ts";
import { convForward } from "../../kernels/conv/conv_forward.ts";
import type { Limits } from "../../kernels/kernel.ts";
import { peakCopy } from "../../kernels/measure/peak_copy.ts";
import { peakFma } from "../../kernels/measure/peak_fma.ts";
import { symmetrize } from "../../kernels/data/symmetrize.ts";
import type { Examples } from "../../training/examples.ts";
import { predictLogits } from "../../training/predict.ts";
import { makeResident } from "../../training/resident.ts";
import { compileEvaluation, openSession, type Session } from "../../training/session.ts";
import { compileStep } from "../../training/training_step.ts";
import { stream } from "../../training/streamed.ts";

/** An op, and where it is from: "allcnn-c/gpu/step/conv1/forward". */
export interface Placed {
  readonly op: Op;
  readonly at: string;
}

/** A device that swallows everything: whatever is asked of it is itself, 0 as a number, and no error. */
const ANSWERS = { then: undefined, popErrorScope: () => null, messages: [], [Symbol.toPrimitive]: () => 0 };
const nothing: unknown = new Proxy(() => {}, {
  get: (_, name) => name in ANSWERS ? ANSWERS[name as keyof typeof ANSWERS] : nothing,
  apply: () => nothing,
});
Object.assign(globalThis, { GPUBufferUsage: nothing });

/** Thrown by a tuner that has heard enough, which ends whatever compiles. */
class Heard extends Error {}

/** The ops of the first `programs` programs that `body` compiles with the tuner it is given. */
async function heard(limits: Limits, body: (tuner: Tuner) => Promise<unknown>, programs = 1): Promise<Op[]> {
  const all: Op[] = [];
  let left = programs;
  const prepare = async (ops: readonly Op[]) => {
    all.push(...ops);
    left--;
    if (left === 0) throw await Promise.resolve(new Heard());
  };
  await body({ ...defaultTuner(limits), prepare }).catch((error) => {
    if (!(error instanceof Heard)) throw error;
  });
  if (left > 0) throw new Error(`Expected ${programs} programs, ${programs - left} were compiled`);
  return all;
}

/** Examples without pictures, where the config has them: on the device, or streamed. */
async function examplesOf({ context, buffers, images: shape, batch }: Session, { dataset }: Config): Promise<Examples> {
  const count = 2 * batch, labels = new Uint32Array(count), crops = cropsOf(dataset);
  if (crops === null) {
    const images = new Float32Array(count * shape.reduce((a, b) => a * b, 1));
    return await makeResident(context, buffers, "data", { images, labels, count, shape });
  }
  const folder = { directory: "", classes: [], names: Array<string>(count).fill(""), labels, note: null };
  return stream("data", folder, { crops, scale: channelScale(dataset, shape[2]), batch, warn: () => {} });
}

/** Programs of a config by name. One picture is explained and predicted, as on the page; all else is in batches. */
async function programsOf(config: Config, limits: Limits): Promise<Record<string, Op[]>> {
  const session = openSession({ limits, device: nothing, check() {} } as unknown as Context, config);
  session.buffers.set(session.step.buffer, null as unknown as GPUBuffer); // open, as far as anybody looks
  const data = await examplesOf(session, config), { batch, network, input } = session;
  const image = new Float32Array(input.reduce((a, b) => a * b, 1)), names = layerNames(network);
  const layer = names.findLast((name) => name.startsWith("conv")) ?? names.at(-1)!;
  const hear = (body: (tuner: Tuner) => Promise<unknown>, programs = 1) => heard(limits, body, programs);
  const explained = (rule: "gradient" | "deconvnet" | "guided", switches = true) =>
    hear((tuner) => explain({ ...session, tuner }, image, { layer, unit: "top", rule, switches }));
  return {
    step: await hear((tuner) => compileStep(session, data, { tuner, microBatch: batch })),
    ...(config.name === "allcnn-c"
      ? { parts: await hear((tuner) => compileStep(session, data, { tuner, microBatch: batch / 4 }), 2) }
      : {}),
    evaluation: await hear((tuner) => compileEvaluation(session, data, tuner)),
    predict: await hear((tuner) => predictLogits({ ...session, tuner }, image)),
    top: await hear((tuner) => topActivationsOn({ ...session, tuner }, () => Promise.resolve(data), { layer, k: 9 })),
    gradient: await explained("gradient"),
    deconvnet: await explained("deconvnet"),
    guided: await explained("guided"),
    spread: await explained("deconvnet", false),
  };
}

/** What no config's network uses: whitening CIFAR-10 (data/whitening.ts), and the peaks of a device (core/peaks.ts). */
function otherOps(limits: Limits): Op[] {
  const size = 3072, rows = rowsAtOnce({ limits } as Context, size), none = { reads: [], writes: [] };
  const image = { height: 1, width: 1, outHeight: 1, outWidth: 1, inChannels: size, outChannels: size };
  const product = { ...image, kernel: 1, stride: 1, padding: 0 };
  return [
    op(convBackwardWeight, { ...product, batch: rows, bias: false }, { label: "covariance", ...none }),
    op(convForward, { ...product, batch: size, bias: false, slope: null }, { label: "product", ...none }),
    op(symmetrize, { side: size, scale: -0.5, diagonal: 1.5 }, { label: "symmetrize", ...none }),
    op(convForward, { ...product, batch: rows, bias: true, slope: null }, { label: "whiten", ...none }),
    op(peakFma, { workgroups: 64, iterations: 1000 }, { label: "peak_fma", ...none }),
    op(peakCopy, { vectors: 2 ** 20 }, { label: "peak_copy", ...none }),
  ];
}

/** All ops for a device with these limits; half precision where it has f16. */
export async function placedOps(device: string, limits: Limits): Promise<Placed[]> {
  const placed = otherOps(limits).map((op) => ({ op, at: `${device}/${op.label}` }));
  for (const file of readdirSync("configs").filter((name) => name.endsWith(".yaml")).sort()) {
    const config = await loadConfig(`configs/${file}`, limits.f16 === true ? ["precision=f16"] : []);
    for (const [program, ops] of Object.entries(await programsOf(config, limits))) {
      placed.push(...ops.map((op) => ({ op, at: `${config.name}/${device}/${program}/${op.label}` })));
    }
  }
  return placed;
}
