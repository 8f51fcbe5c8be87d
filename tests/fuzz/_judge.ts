/** What a file that was accepted must be good for, short of running it on a device. */
import { stringify } from "yaml";
import { parseConfig } from "../../configs/load.ts";
import type { Config } from "../../configs/schema.ts";
import { type Checkpoint, decode, encode, select } from "../../training/checkpoint.ts";
import type { Context } from "../../core/device/device.ts";
import { layOut } from "../../core/graph/layout.ts";
import { elements, tensor } from "../../core/graph/tensor.ts";
import { defaultTuner, fixedTuner } from "../../core/graph/tuner.ts";
import type { Limits } from "../../kernels/kernel.ts";
import type { ImageShape } from "../../data/dataset.ts";
import { classNames, imageShape } from "../../data/datasets/mod.ts";
import { networkIn } from "../../training/architecture.ts";
import { specsOf } from "../../training/definition.ts";
import type { Resident } from "../../training/resident.ts";
import { evaluationProgram, momentsOf, openSession } from "../../training/session.ts";
import { stepPrograms } from "../../training/training_step.ts";

/** Those of a GPU and of a software driver. */
const LIMITS: readonly Limits[] = [false, true].map((software) => ({
  workgroupInvocations: 1024,
  workgroupStorage: 32768,
  bindingBytes: 2 ** 30,
  subgroupSize: 8,
  software,
  exact: false,
}));

function resident(name: string, count: number, shape: ImageShape, { bindingBytes }: Limits): Resident {
  const persistent = { lifetime: "persistent" } as const, u32 = { dtype: "u32", ...persistent } as const;
  const rows = Math.min(count, Math.floor(bindingBytes / (4 * elements(shape))));
  return {
    count,
    places: count,
    shape,
    chunks: [{ images: tensor(`${name}/images`, [rows, ...shape], persistent), first: 0, rows }],
    labels: tensor(`${name}/labels`, [count], u32),
    order: tensor(`${name}/order`, [count], u32),
    distorting: tensor(`${name}/distorting`, [1], u32),
  };
}

function same(a: unknown, b: unknown, what: string): void {
  if (JSON.stringify(a) !== JSON.stringify(b)) throw new Error(`${what} differs: ${JSON.stringify(a)?.slice(0, 300)}`);
}

/** Builds, traces and lays out training and evaluation: shapes, kernels, shaders, memory. Returns the shaders. */
export async function judgeNetwork(config: Config, software: boolean): Promise<string[]> {
  const limits = LIMITS[software ? 1 : 0]!, session = openSession({ limits } as Context, config);
  const { trainExamples = Infinity, testExamples = Infinity } = config.dataset;
  const shape = imageShape(config.dataset), test = resident("test", Math.min(testExamples, 1000), shape, limits);
  const train = resident("train", Math.min(trainExamples, 6000), shape, limits);
  const programs = [stepPrograms(session, train).part, evaluationProgram(session, test)];
  const layouts = [];
  for (const program of programs) layouts.push(await layOut(program, defaultTuner(limits), limits));
  const shaders = layouts.flatMap(({ chosen }) =>
    chosen.flatMap(({ stages }) => stages.dispatches.map(({ shader }) => shader.code))
  );
  const wrong = shaders.find((code) => /\bNaN|Infinity|undefined|\d[eE]\+?\d+u/.test(code));
  if (wrong !== undefined) throw new Error(`A shader holds a number that is none: ${wrong.slice(0, 300)}`);
  return shaders;
}

/** A config must survive being written into a run's folder and read back, and must describe a network. */
export async function judgeConfig(config: Config, software: boolean): Promise<string[]> {
  same(parseConfig(stringify(config), "again.yaml"), config, "The config, written and read again,");
  return await judgeNetwork(config, software);
}

/** A checkpoint must survive being written, and its tensors must be those of its network. */
export async function judgeCheckpoint(checkpoint: Checkpoint, config: Config | null, source: string): Promise<void> {
  const again = await decode(await encode(checkpoint), "again");
  same(again.progress, checkpoint.progress, "The progress");
  same(Object.keys(again.tensors), Object.keys(checkpoint.tensors), "The list of tensors");
  if (config === null) {
    const coded = networkIn(checkpoint, source);
    return void (coded !== null && select(checkpoint, specsOf(coded).saved, source));
  }
  const { specs, saved } = specsOf(config), [limits] = LIMITS;
  select(checkpoint, saved, source);
  for (const moment of momentsOf(config.training)) select(checkpoint, specs, source, `${moment}/`);
  const session = openSession({ limits: limits! } as Context, config);
  const tuner = fixedTuner(checkpoint.tunings, limits!, defaultTuner(limits!));
  const data = resident("train", 6000, imageShape(config.dataset), limits!);
  await layOut(stepPrograms(session, data).part, tuner, limits!);
  if (session.classes !== classNames(config.dataset).length) throw new Error("Another number of classes");
}
