/**
 * `npm run model -- RUN_FOLDER [--data DIR]`: makes models/, the network that comes along, of a run that was trained on
 * real data: its parameters in half precision, how they came about, and the model card. The error in the card is what
 * `allcnn evaluate` says of the written file, so the test images are needed.
 */
import { execFileSync } from "node:child_process";
import process from "node:process";
import { specsOf } from "../training/definition.ts";
import { encode, select } from "../training/checkpoint.ts";
import { configOf, latestCheckpoint } from "../training/run_folder.ts";
import { readMetrics } from "../training/run_records.ts";
import { writeFile } from "../core/host/files.ts";
import { sha256 } from "../core/host/safetensors.ts";
import { type Measured, modelCard } from "./model_card.ts";

const FILE = "models/demo.safetensors", MOST_BYTES = 1e6;

const [run, ...options] = process.argv.slice(2);
if (run === undefined) throw new Error("Usage: npm run model -- RUN_FOLDER [--data DIR]");

const warn = (line: string) => console.log(line), checkpoint = await latestCheckpoint(run, warn);
const config = configOf(checkpoint, run), metrics = await readMetrics(run);
if (config === null || checkpoint.whitening !== null) {
  throw new Error(`"${run}" has no config or a whitening, which would not fit beside the network`);
}
const { saved } = specsOf(config);
const tensors = Object.fromEntries(
  Object.entries(select(checkpoint, saved, run)).map(([name, data]) => [name, { shape: saved[name]!.shape, data }]),
);
// Parameters alone: what a resumed training needs stays with the run.
const alone = { config, progress: null, microBatch: null, tunings: {}, scope: "", shaders: "", whitening: null };
const bytes = await encode({ ...alone, tensors }, "F16");
if (bytes.length > MOST_BYTES) {
  throw new Error(`${FILE} would have ${bytes.length} bytes, expected at most ${MOST_BYTES}`);
}
await writeFile(FILE, bytes);

const evaluate = ["dist/allcnn.js", "evaluate", FILE, "--json", ...options];
const said = execFileSync(process.execPath, evaluate, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
const { images: examples, loss, error } = JSON.parse(said);

const measured: Measured = {
  config,
  metrics,
  epochs: checkpoint.progress?.epoch ?? metrics.length,
  within: (checkpoint.progress?.metrics[2] ?? 0) > 0,
  parameters: Object.values(tensors).reduce((sum, { data }) => sum + data.length, 0),
  file: { bytes: bytes.length, sha256: await sha256(bytes), precision: "f16" },
  test: { examples, loss, error },
};
await writeFile("models/demo.json", JSON.stringify(measured));
await writeFile("models/README.md", modelCard(measured));
execFileSync("node_modules/.bin/deno", ["fmt", "--quiet", "models/demo.json", "models/README.md"]);
console.log(`${FILE}: ${bytes.length} bytes, test error ${error.toFixed(2)} % on ${examples} images`);
