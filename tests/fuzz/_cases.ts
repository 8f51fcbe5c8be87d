/** The cases of the fuzzer: each draws a file that a command reads, damages it, and reads it as the command does. */
import { closeSync, mkdirSync, openSync, rmSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import process from "node:process";
import { parseConfig } from "../../configs/load.ts";
import { encode } from "../../training/checkpoint.ts";
import { UserError } from "../../core/host/errors.ts";
import { encodeTensors, sha256 } from "../../core/host/safetensors.ts";
import { openTuneCache } from "../../core/tune/tune_cache.ts";
import { readCifar10 } from "../../data/datasets/cifar10.ts";
import { curvesSvg } from "../../report/curves.ts";
import { decodeWhitening } from "../../data/whitening_file.ts";
import { configOf, latestCheckpoint, readWhitening } from "../../training/run_folder.ts";
import { readMetrics } from "../../training/run_records.ts";
import { type Draw, drawing } from "./_draw.ts";
import type { Originals } from "./_originals.ts";
import { archiveCase, idxCase, pictureCase } from "./_data_cases.ts";
import { METRICS, tuningEntry } from "./_kept.ts";
import { importCase, keptCase, reportCase, wordsCase } from "./_kept_cases.ts";
import { foreignCase, jsonCase, onnxCase, picturesCase } from "./_foreign_cases.ts";
import { judgeCheckpoint, judgeConfig } from "./_judge.ts";
import { oneLine, type Prepared, withHeader } from "./_prepared.ts";
import { drawSetting, mutateBytes, mutateJson, mutateYaml } from "./_mutate.ts";

export interface Outcome {
  readonly case: number;
  /** What was damaged, and how. */
  readonly subject: string;
  readonly how: string;
  /** "refused" with one line, "read" as if nothing were wrong, "failed": anything else. */
  readonly outcome: "refused" | "read" | "failed";
  readonly message: string;
  readonly seconds: number;
}

function configCase(draw: Draw, { texts, onShaders }: Originals): Prepared {
  const original = draw.pick(texts), sets = draw.chance(0.25) ? [drawSetting(draw)] : [];
  const { how, text } = draw.chance(0.1) ? { how: "none", text: original } : mutateYaml(draw, original);
  const software = draw.chance(0.5);
  return {
    how: [how, ...sets.map((set) => `--set ${set.slice(0, 60)}`)].join(" "),
    input: [text, ...sets].join("\n--set "),
    async read() {
      await onShaders(await judgeConfig(parseConfig(text, "fuzz.yaml", sets), software));
    },
  };
}

const LENGTHS = [0n, 1n, 7n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n, 100_000_001n];

export async function damagedTensors(draw: Draw, bytes: Uint8Array): Promise<{ how: string; bytes: Uint8Array }> {
  const kind = draw.pick(["bytes", "bytes", "header", "header", "metadata", "metadata", "metadata", "length"]);
  if (kind === "bytes") return mutateBytes(draw, bytes);
  if (kind === "header") return { how: "header", bytes: withHeader(bytes, (header) => mutateJson(draw, header)) };
  if (kind === "length") {
    const copy = bytes.slice();
    new DataView(copy.buffer).setBigUint64(0, draw.pick(LENGTHS), true);
    return await Promise.resolve({ how: "header length", bytes: copy });
  }
  const changed = withHeader(bytes, (header) => {
    const inner = JSON.parse((header["__metadata__"] as Record<string, string>)["allcnn"] ?? "{}");
    return JSON.stringify({ ...header, __metadata__: { allcnn: mutateJson(draw, inner) } });
  });
  return { how: "metadata", bytes: changed };
}

async function checkpointCase(draw: Draw, { folder, checkpoints }: Originals): Promise<Prepared> {
  const run = `${folder}/run`,
    whole = await encode(draw.pick(checkpoints)),
    { how, bytes } = await damagedTensors(draw, whole);
  const spare = draw.chance(0.2);
  return {
    how: spare ? `${how}, one before it` : how,
    input: bytes,
    async read() {
      rmSync(run, { recursive: true, force: true });
      mkdirSync(run);
      writeFileSync(`${run}/checkpoint.safetensors`, bytes);
      if (spare) writeFileSync(`${run}/checkpoint.previous.safetensors`, whole);
      const found = await latestCheckpoint(run, oneLine);
      await judgeCheckpoint(found, configOf(found, run), run);
    },
  };
}

function metricsCase(draw: Draw, { folder }: Originals): Prepared {
  const lines = METRICS.map((row) => draw.chance(0.6) ? mutateJson(draw, row) : JSON.stringify(row));
  const text = `${lines.join(draw.pick(["\n", "\n", "", "\n\n", "\r\n"]))}\n`;
  const { how, bytes } = draw.chance(0.5)
    ? { how: "rows", bytes: new TextEncoder().encode(text) }
    : mutateBytes(draw, new TextEncoder().encode(METRICS.map((row) => `${JSON.stringify(row)}\n`).join("")));
  return {
    how,
    input: bytes,
    async read() {
      mkdirSync(`${folder}/metrics`, { recursive: true });
      writeFileSync(`${folder}/metrics/metrics.jsonl`, bytes);
      const svg = curvesSvg("fuzz", await readMetrics(`${folder}/metrics`));
      if (/NaN|Infinity|undefined/.test(svg)) throw new Error("The curves hold a number that is none");
    },
  };
}

async function whiteningCase(draw: Draw, { folder, whitening }: Originals): Promise<Prepared> {
  const small = await encodeTensors({
    metadata: {},
    tensors: {
      mean: { shape: [2], data: Float32Array.of(1, 2) },
      matrix: { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
    },
  });
  const { how, bytes } = await damagedTensors(draw, draw.chance(0.15) ? whitening : small);
  return {
    how,
    input: bytes.subarray(0, 10_000),
    async read() {
      writeFileSync(`${folder}/whitening.safetensors`, bytes);
      if (draw.chance(0.5)) await readWhitening(folder, await sha256(new Uint8Array(bytes)), 3072);
      else await decodeWhitening(new Uint8Array(bytes), "whitening.safetensors", 3072);
    },
  };
}

function cifarCase(draw: Draw, { folder }: Originals): Prepared {
  const split = draw.pick(["train", "test"] as const),
    path = `${folder}/cifar/${split === "train" ? "data_batch_1.bin" : "test_batch.bin"}`;
  const how = draw.pick(["label", "size", "image bytes"]), limit = draw.pick([1, 100, 9999]);
  const record = draw.whole(0, 10_000),
    value = draw.whole(0, 256),
    size = draw.pick([0, 1, 3073, 30_729_999, 30_730_001]);
  const put = (offset: number, byte: number) => {
    const file = openSync(path, "r+");
    writeSync(file, Uint8Array.of(byte), 0, 1, offset);
    closeSync(file);
  };
  return {
    how: `${how}, ${split}`,
    input: `${how} record ${record} value ${value} size ${size}`,
    async read() {
      const offset = 3073 * record + (how === "label" ? 0 : 1 + draw.whole(0, 3072));
      if (how === "size") truncateSync(path, size);
      else put(offset, value);
      try {
        const { labels, images, count } = await readCifar10(`${folder}/cifar`, split, limit);
        if (count !== limit || images.length !== 3072 * limit || !labels.every((label) => label < 10)) {
          throw new Error(`Read ${count} examples for ${limit}`);
        }
      } finally {
        if (how === "size") truncateSync(path, 30_730_000);
        else put(offset, 0);
      }
    },
  };
}

async function tuningCase(draw: Draw, { folder }: Originals): Promise<Prepared> {
  const { scope, task, entry } = await tuningEntry(), root = `${folder}/tune`;
  const cache = await openTuneCache(scope, oneLine, root);
  const path = `${cache.folder}/${task.subject.kernel}-${task.key}.json`;
  const { how, bytes } = draw.chance(0.6)
    ? { how: "values", bytes: new TextEncoder().encode(mutateJson(draw, entry)) }
    : mutateBytes(draw, new TextEncoder().encode(JSON.stringify(entry, null, 1)));
  return {
    how,
    input: bytes,
    async read() {
      rmSync(root, { recursive: true, force: true });
      mkdirSync(cache.folder, { recursive: true });
      writeFileSync(path, bytes);
      const found = await cache.read(task);
      await cache.all();
      if (found === null) return;
      await cache.write(task, found);
      await cache.add([found], "found");
    },
  };
}

const SUBJECTS = {
  config: configCase,
  checkpoint: checkpointCase,
  metrics: metricsCase,
  tuning: tuningCase,
  whitening: whiteningCase,
  cifar10: cifarCase,
  foreign: foreignCase,
  json: jsonCase,
  pictures: picturesCase,
  idx: idxCase,
  archive: archiveCase,
  picture: pictureCase,
  import: importCase,
  kept: keptCase,
  report: reportCase,
  words: wordsCase,
  onnx: onnxCase,
} as const;

/** How often each is drawn, of 32. */
const SHARES: readonly (keyof typeof SUBJECTS)[] = Object.entries(
  {
    ...{ config: 8, checkpoint: 6, metrics: 2, tuning: 1, whitening: 1, cifar10: 1, foreign: 2, json: 2, pictures: 1 },
    ...{ idx: 2, archive: 1, picture: 1, import: 1, kept: 1, report: 1, words: 1, onnx: 1 },
  } satisfies Record<keyof typeof SUBJECTS, number>,
).flatMap(([subject, share]) => Array(share).fill(subject));

/** What names the file: every refusal must. */
const NAMES = {
  config: /fuzz\.yaml|--set/,
  checkpoint: /run|network|tensor|Cannot/,
  metrics: /metrics\.jsonl/,
  tuning: /./,
  whitening: /whitening\.safetensors/,
  cifar10: /\.bin/,
  foreign: /foreign\.safetensors/,
  json: /json/,
  pictures: /pictures/,
  idx: /idx/,
  archive: /tiny\.tar\.gz/,
  picture: /some picture/,
  import: /exported\.json/,
  kept: /index\.json/,
  report: /reported/,
  words: /--(grid|conv)/,
  onnx: /fuzzed/,
} as const;

/** The damage and the reading of one case. */
export async function prepareCase(seed: number, number: number, originals: Originals) {
  const draw = drawing(seed, number), subject = draw.pick(SHARES);
  return { subject, ...await SUBJECTS[subject](draw, originals) };
}

/** Runs one case. `keep` gets the input of one that fails. */
export async function runCase(
  seed: number,
  number: number,
  originals: Originals,
  keep: (input: string | Uint8Array) => void,
): Promise<Outcome> {
  // Processor time: the machine may be busy with other work.
  const used = () => Object.values(process.cpuUsage()).reduce((a, b) => a + b) / 1e6;
  const { subject, ...prepared } = await prepareCase(seed, number, originals), start = used();
  let outcome: Outcome["outcome"] = "read", message = "";
  try {
    await prepared.read();
  } catch (error) {
    const clear = error instanceof UserError && !/[\r\n]/.test(error.message) && error.message.length <= 1010;
    outcome = clear ? "refused" : "failed";
    message = clear ? error.message : String((error as Error)?.stack ?? error);
    if (subject === "config" || !clear || NAMES[subject].test(message)) { /* named */ }
    else [outcome, message] = ["failed", `does not name the file: ${message}`];
  }
  const seconds = used() - start;
  if (outcome !== "failed" && seconds > 5) [outcome, message] = ["failed", `took ${seconds.toFixed(1)} s: ${message}`];
  if (outcome === "failed") keep(prepared.input);
  return { case: number, subject, how: prepared.how, outcome, message, seconds: Math.round(seconds * 1e4) / 1e4 };
}
