/** Starts a process whose GPU compiles and does not exist: Mesa's RADV for a family, below a layer that runs nothing. */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import process from "node:process";
import { UserError } from "../../core/host/errors.ts";

const SOURCE = "bench/isa/compile_only.c", LAYER = "VK_LAYER_allcnn_compile_only";

/** Where Mesa's packages put the manifest of RADV; `VK_DRIVER_FILES` may name another. */
const MANIFESTS = ["/usr/share/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/etc/vulkan/icd.d"]
  .flatMap((folder) => ["radeon_icd.json", "radeon_icd.x86_64.json"].map((name) => `${folder}/${name}`));

/** RADV's manifest, or null where it is not installed. */
export function findDriver(): string | null {
  const named = process.env["VK_DRIVER_FILES"];
  if (named !== undefined && /radeon/.test(named) && existsSync(named)) return named;
  return MANIFESTS.find((each) => existsSync(each)) ?? null;
}

/** Builds the layer into `folder` unless it is there. Throws `UserError` where compiler or headers are missing. */
export function buildLayer(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const library = `${folder}/libcompile_only.so`;
  if (!existsSync(library) || statSync(library).mtimeMs < statSync(SOURCE).mtimeMs) {
    try {
      execFileSync("cc", ["-O1", "-shared", "-fPIC", "-o", library, SOURCE], { stdio: "pipe" });
    } catch (error) {
      const { code, stderr } = error as { code?: string; stderr?: Uint8Array };
      const told = new TextDecoder().decode(stderr).split("\n").find((line) => /error/.test(line)) ?? String(error);
      throw new UserError(
        code === "ENOENT"
          ? "Cannot build the Vulkan layer: there is no C compiler; on Debian, install gcc and libvulkan-dev"
          : `Cannot build the Vulkan layer (${told.trim()}): on Debian, install gcc and libvulkan-dev`,
      );
    }
  }
  const layer = {
    name: LAYER,
    type: "GLOBAL",
    library_path: "./libcompile_only.so",
    api_version: "1.3.239",
    implementation_version: "1",
    description: "Compiles pipelines, runs nothing, writes what the driver tells of them",
  };
  writeFileSync(`${folder}/${LAYER}.json`, JSON.stringify({ file_format_version: "1.2.0", layer }));
}

export interface NullGpu {
  readonly driver: string;
  /** Where the layer was built. */
  readonly layer: string;
  /** Where it writes what the driver tells. */
  readonly pipelines: string;
}

/** The environment in which Dawn finds the family's GPU. */
export function environmentOf({ driver, layer, pipelines }: NullGpu, family: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    RADV_FORCE_FAMILY: family,
    VK_DRIVER_FILES: driver,
    VK_LAYER_PATH: layer,
    VK_INSTANCE_LAYERS: LAYER,
    PIPELINE_DIR: pipelines,
    MESA_SHADER_CACHE_DISABLE: "true",
    XDG_RUNTIME_DIR: process.env["XDG_RUNTIME_DIR"] ?? "/tmp",
  };
}

/** Runs a script of this project there; what it printed, for where it fails. */
export function runThere(gpu: NullGpu, family: string, script: string, args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, ["scripts/run.mjs", script, ...args], {
    env: environmentOf(gpu, family),
    stdio: ["ignore", "ignore", "pipe"],
  });
  let told = "";
  child.stderr.on("data", (bytes) => told += bytes);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", () => resolve(told));
  });
}

/** The complete lines of a file that somebody still writes to. */
export function linesOf(path: string): string[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8").split("\n").slice(0, -1);
}
