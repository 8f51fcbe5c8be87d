/**
 * `npm run peers:first -- [--rounds N]`: from the start of a process to the first prediction of one image by All-CNN-C,
 * here, with TensorFlow.js and with jax-js, minified alike; by turns, each with an empty cache of shaders and with the
 * one that it filled. All must compute the same logits.
 */
import { build } from "esbuild";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { loadConfig } from "../../../configs/load.ts";
import { openDevice } from "../../../core/device/device.ts";
import { draw, key } from "../../../core/graph/random.ts";
import { definitionOf } from "../../../training/definition.ts";
import { openModel } from "../../../training/model.ts";
import { saveModel } from "../../../training/model_file.ts";
import { getParams } from "../../../training/params.ts";
import { coldCaches } from "../process.ts";
import type { Answer } from "./weights.ts";

const { values: { rounds: text } } = parseArgs({ options: { rounds: { type: "string", default: "7" } } });
const PEERS = ["allcnn", ...existsSync("bench/peers/node_modules") ? ["tfjs", "jax"] : []];
const SHARE = 1e-3; // of the largest logit, by which peers may differ

const out = "dist/peers-first", folder = mkdtempSync(join(tmpdir(), "allcnn-first-"));
mkdirSync(out, { recursive: true });
await build({
  entryPoints: PEERS.map((name) => `bench/peers/first/${name}.ts`),
  outdir: out,
  outExtension: { ".js": ".mjs" },
  ...{ bundle: true, minify: true, platform: "node", format: "esm", external: ["webgpu"], logLevel: "error" },
  mainFields: ["module", "main"],
  banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
});

const device = await openDevice(), config = await loadConfig("configs/allcnn-c.yaml");
const { network, input } = definitionOf(config), model = await openModel(device, { network, input }, { seed: 1 });
const params = Object.entries(await getParams(model)), drawn = key(1, 0, 0);
const image = Float32Array.from({ length: 32 * 32 * 3 }, (_, i) => draw(drawn, i) / 2 ** 32 - 0.5);
await saveModel(model, join(folder, "model.safetensors"));
device.close();
const index = params.map(([name, { shape }]) => [name, shape]);
writeFileSync(join(folder, "weights.json"), JSON.stringify({ config, index }));
const parts = [...params.map(([, { data }]) => data), image];
writeFileSync(join(folder, "weights.bin"), Buffer.concat(parts.map((part) => new Uint8Array(part.slice().buffer))));

function ask(name: string, caches: Record<string, string>): Answer {
  const printed = execFileSync(process.execPath, [resolve(out, `${name}.mjs`), folder], {
    env: { ...process.env, ...caches },
    stdio: ["ignore", "pipe", "ignore"],
  });
  return JSON.parse(printed.toString()) as Answer;
}

const found = Object.fromEntries(PEERS.map((name) => [name, { cold: [] as Answer[], warm: [] as Answer[] }]));
try {
  for (let round = 0; round < Number(text); round++) {
    for (const name of PEERS) {
      const caches = mkdtempSync(join(folder, "cache-"));
      for (const state of ["cold", "warm"] as const) found[name]![state].push(ask(name, coldCaches(caches)));
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const [first] = found["allcnn"]!.cold, largest = Math.max(...first!.logits.map(Math.abs));
const apart = ({ logits }: Answer) =>
  Math.max(...logits.map((logit, i) => Math.abs(logit - first!.logits[i]!))) / largest;
const median = (of: readonly number[]) => [...of].sort((a, b) => a - b)[of.length >> 1]!;
const range = (of: readonly number[]) =>
  `${median(of).toFixed(0)} (${Math.min(...of).toFixed(0)}-${Math.max(...of).toFixed(0)})`;
let failed = 0;
for (const [name, { cold, warm }] of Object.entries(found)) {
  const worst = Math.max(...[...cold, ...warm].map(apart)), bytes = statSync(`${out}/${name}.mjs`).size;
  if (!(worst <= SHARE)) failed++;
  console.log(
    `${name.padEnd(7)} ${bytes.toLocaleString("en-US")} B, ms since the start: ` +
      `imported ${range([...cold, ...warm].map(({ imported }) => imported))}, ` +
      `first prediction ${range(cold.map(({ predicted }) => predicted))} from an empty cache of shaders, ` +
      `${range(warm.map(({ predicted }) => predicted))} from a filled one; logits within ${worst.toExponential(1)}`,
  );
}
console.log(`${PEERS.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
