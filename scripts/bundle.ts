/** `npm run bundle`: writes dist/bundle/, which trains on x86-64 Linux without Node, npm and a network. */
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { UserError } from "../core/host/errors.ts";
import { type Contents, manifestText, packFolder, type Part } from "./bundle_parts.ts";
import { stageProgram } from "./bundle_program.ts";
import { neededGlibc, stageRuntime } from "./bundle_runtime.ts";

const HELP = `Packs Node, Dawn, Vulkan's loader and the built program for x86-64 Linux machines without a network.

Usage: npm run bundle -- [options]

  --out DIR   where to write; default: dist/bundle
  --data DIR  also pack the CIFAR-10 files in DIR, one part each
  --limit MB  most megabytes (1 000 000 bytes) of a part; default: 50`;

function readArguments(): { out: string; data: string | null; limit: number } | null {
  try {
    const { values } = parseArgs({
      options: {
        out: { type: "string", default: "dist/bundle" },
        data: { type: "string" },
        limit: { type: "string", default: "50" },
        help: { type: "boolean", short: "h" },
      },
    });
    if (values.help) return null;
    const limit = 1e6 * Number(values.limit);
    if (!(limit >= 1e5)) throw new UserError(`--limit expects megabytes, at least 0.1, got "${values.limit}"`);
    return { out: values.out, data: values.data ?? null, limit: Math.floor(limit) };
  } catch (error) {
    throw new UserError((error as Error).message.split("\n")[0]!);
  }
}

/** The data files in a folder, or in the one that CIFAR-10's own archive makes there. */
function dataFiles(directory: string): string[] {
  for (const folder of [directory, join(directory, "cifar-10-batches-bin")]) {
    const names = fs.existsSync(folder) ? fs.readdirSync(folder).filter((name) => name.endsWith(".bin")).sort() : [];
    if (names.length > 0) return names.map((name) => join(folder, name));
  }
  throw new UserError(`There are no data files (*.bin) in "${directory}": name the folder with data_batch_1.bin`);
}

async function bundle(): Promise<void> {
  const asked = readArguments();
  if (asked === null) return console.log(HELP);
  const { out, data, limit } = asked, images = data === null ? [] : dataFiles(data);
  const scratch = fs.mkdtempSync(join(tmpdir(), "allcnn-bundle-"));
  try {
    const stage = (name: string) => join(scratch, name);
    for (const name of ["runtime", "program", "data"]) fs.mkdirSync(stage(name));
    const libraries = stageRuntime(stage("runtime")), peers = await stageProgram(stage("program"));
    const glibc = neededGlibc([
      join(stage("runtime"), "runtime/node"),
      join(stage("program"), "program/node_modules/webgpu/dist/linux-x64/dawn.node"),
    ]);

    fs.rmSync(out, { recursive: true, force: true });
    fs.mkdirSync(out, { recursive: true });
    const parts: Part[] = [];
    const pack = (name: string, folder: string, contents: Contents) => {
      const packed = packFolder(folder, { name, out, contents, limit });
      for (const { file, bytes } of packed) console.log(`${join(out, file)}: ${(bytes / 1e6).toFixed(1)} MB`);
      parts.push(...packed);
    };
    pack("runtime", stage("runtime"), "programs");
    pack("program", stage("program"), "programs");
    for (const path of images) {
      const name = path.split("/").at(-1)!;
      fs.mkdirSync(join(stage("data"), "data"), { recursive: true });
      fs.copyFileSync(path, join(stage("data"), "data", name));
      pack(`data-${name.replace(/^data_|\.bin$/g, "")}`, stage("data"), "images");
      fs.rmSync(join(stage("data"), "data"), { recursive: true });
    }
    const version = (path: string) => (JSON.parse(fs.readFileSync(path, "utf8")) as { version: string }).version;
    const notes = [
      `allcnn ${version("package.json")}, Node ${process.versions.node}, ` +
      `Dawn ${version("node_modules/webgpu/package.json")}, for x86-64 Linux with glibc ${glibc} or newer`,
      `Libraries for systems that lack them: ${libraries.join(" ")}`,
    ];
    fs.writeFileSync(join(out, "manifest.txt"), manifestText(parts, notes));
    fs.cpSync("scripts/start.sh", join(out, "start.sh"));
    fs.chmodSync(join(out, "start.sh"), 0o755);
    const lacks = peers.includes("tfjs") ? "" : "; npm ci --prefix bench/peers adds TensorFlow.js and jax-js";
    console.log(`${notes.join("\n")}\nPeers of the benchmark: ${peers.join(", ")}${lacks}`);
    console.log(`Copy ${out} to the machine, then: sh start.sh train configs/quickstart.yaml`);
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true });
  }
}

try {
  await bundle();
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(`bundle: ${error.message}`);
  process.exitCode = 1;
}
