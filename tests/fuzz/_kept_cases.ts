/** More cases of the fuzzer: what commands keep in folders and read again, and words of a command line. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { stringify } from "yaml";
import { convOps } from "../../cli/conv_ops.ts";
import { findRuns } from "../../cli/find_runs.ts";
import { importFrom } from "../../cli/tune.ts";
import { readIndex } from "../../cli/visualize.ts";
import { parseConfig } from "../../configs/load.ts";
import { openTuneCache } from "../../core/tune/tune_cache.ts";
import { resultsMarkdown } from "../../report/results_markdown.ts";
import { resultsPage } from "../../report/results_page.ts";
import type { TrainedRun } from "../../report/trained_run.ts";
import { gridPoints, pointLabel, settingsOfPoint } from "../../sweep/grid.ts";
import { encode } from "../../training/checkpoint.ts";
import { readRun } from "../../training/read_run.ts";
import { isTraining } from "../../training/run_lock.ts";
import type { Draw } from "./_draw.ts";
import { mutateBytes, mutateJson, mutateYaml } from "./_mutate.ts";
import { type Originals, TINY } from "./_originals.ts";
import { METRICS, tuningEntry } from "./_kept.ts";
import { oneLine, type Prepared } from "./_prepared.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);
const damagedJson = (draw: Draw, value: unknown) =>
  draw.chance(0.6)
    ? { how: "values", bytes: bytesOf(mutateJson(draw, value)) }
    : mutateBytes(draw, bytesOf(JSON.stringify(value, null, 1)));

/** Tunings that another machine exported. */
export async function importCase(draw: Draw, { folder }: Originals): Promise<Prepared> {
  const { scope, entry, task } = await tuningEntry(), path = `${folder}/exported.json`, root = `${folder}/imported`;
  const { how, bytes } = damagedJson(draw, { device: "some device", entries: [entry, { ...entry, winner: null }] });
  return {
    how,
    input: bytes,
    async read() {
      rmSync(root, { recursive: true, force: true });
      writeFileSync(path, bytes);
      const cache = await openTuneCache(scope, oneLine, root);
      await importFrom(path, cache, oneLine);
      await cache.read(task);
      await cache.all();
    },
  };
}

/** The lock of a run, and the list of the pictures that were drawn into a folder. */
export function keptCase(draw: Draw, { folder }: Originals): Prepared {
  const place = `${folder}/kept`, name = draw.pick(["run.lock", "index.json"]);
  const lock = { pid: 2 ** 22 + 1, host: "elsewhere", started: "5", since: "2026-01-01T00:00:00Z" };
  const { how, bytes } = damagedJson(
    draw,
    name === "run.lock" ? lock : { "a.png": { checkpoint: "runs/a", raw: null } },
  );
  return {
    how: `${name}, ${how}`,
    input: bytes,
    async read() {
      mkdirSync(place, { recursive: true });
      writeFileSync(`${place}/${name}`, bytes);
      if (name === "run.lock") await isTraining(place);
      else JSON.stringify({ ...await readIndex(place), "b.png": 1 });
    },
  };
}

/** The folder of a run in the folder of a sweep, as a report reads them: one of the files is damaged. */
export async function reportCase(draw: Draw, { folder, checkpoints }: Originals): Promise<Prepared> {
  const sweep = `${folder}/reported`, config = parseConfig(TINY, "tiny.yaml");
  const cell = { folder: "cell-0", seed: 0, data: "all", state: "done", reason: null };
  const whole: Readonly<Record<string, Uint8Array>> = {
    "sweep.json": bytesOf(JSON.stringify({ version: 1, id: "5f0c", protocol: "paper", cells: [cell], results: [] })),
    "cell-0/config.yaml": bytesOf(stringify(config)),
    "cell-0/metrics.jsonl": bytesOf(METRICS.map((row) => `${JSON.stringify(row)}\n`).join("")),
    "cell-0/checkpoint.safetensors": await encode(checkpoints[0]!),
  };
  const name = draw.pick(Object.keys(whole));
  let damage: { how: string; bytes: Uint8Array };
  if (name === "sweep.json") damage = damagedJson(draw, JSON.parse(new TextDecoder().decode(whole[name])));
  else if (name.endsWith(".yaml") && draw.chance(0.7)) {
    const { how, text } = mutateYaml(draw, stringify(config));
    damage = { how, bytes: bytesOf(text) };
  } else damage = mutateBytes(draw, whole[name]!);
  return {
    how: `${name}, ${damage.how}`,
    input: damage.bytes,
    async read() {
      rmSync(sweep, { recursive: true, force: true });
      mkdirSync(`${sweep}/cell-0`, { recursive: true });
      for (const [each, bytes] of Object.entries(whole)) {
        if (draw.chance(0.9)) writeFileSync(`${sweep}/${each}`, each === name ? damage.bytes : bytes);
      }
      const warnings: string[] = [], runs: TrainedRun[] = [];
      for (const { folder, note } of await findRuns([sweep], (line) => warnings.push(line))) {
        runs.push(await readRun(folder, note, () => Promise.resolve(null), (line) => warnings.push(line)));
      }
      const results = { runs, parameters: {}, warnings };
      for (const text of [resultsMarkdown(results), resultsPage(results)]) {
        if (/\bNaN\b|\bundefined\b/.test(text)) throw new Error(`The report holds a number that is none`);
      }
    },
  };
}

/** What stands behind --grid and --conv. */
export function wordsCase(draw: Draw): Prepared {
  const grid = draw.chance(0.5), whole = grid ? "training.learningRate.base=0.25,0.1,[1,a]" : "128,32,32,96,96,3,1,1";
  let text = draw.chance(0.5)
    ? new TextDecoder().decode(mutateBytes(draw, bytesOf(whole)).bytes)
    : mutateYaml(draw, whole).text;
  if (!grid && draw.chance(0.5)) {
    text = Array.from({ length: 8 }, () => draw.pick(["0", "1", "3", "32", "65536", "9999999999", "1e3", "-1"])).join();
  }
  return {
    how: grid ? "--grid" : "--conv",
    input: text,
    async read() {
      if (!grid) return void await Promise.resolve(convOps(text));
      for (const point of gridPoints([text])) JSON.stringify([pointLabel(point), settingsOfPoint(point)]);
    },
  };
}
