/** WebGPU's entry point: Dawn (npm `webgpu`) in Node and Deno, `navigator.gpu` in a browser. */
import { firstLine, UserError } from "./errors.ts";
import { environment, hasProcess, inBun, platform, setDefaultEnvironment } from "./process.ts";

/** What Dawn runs on, by platform. Asked for by name, so that it is known. */
const DAWN_BACKENDS: Readonly<Record<string, string>> = { linux: "vulkan", darwin: "metal", win32: "d3d12" };

/**
 * Dawn's toggles: no bounds checks of arrays, no zeroing of workgroup memory, no guards of integer division. No kernel
 * needs them: `npm run test:full` draws its checks with and without.
 */
const TOGGLES = ["disable_robustness", "disable_workgroup_init", "disable_polyfills_on_integer_div_and_mod"];

/** Dawn hides shader-f16 on NVIDIA's Vulkan driver, for the sake of a few conformance tests, unless asked for it. */
const HALF_ON_NVIDIA = "vulkan_enable_f16_on_nvidia";

/** The toggle by which Dawn offers experimental features. */
const EXPERIMENTAL = "allow_unsafe_apis";

/** The feature of matrix units. */
export const SUBGROUP_MATRIX = "chromium-experimental-subgroup-matrix" as GPUFeatureName;

/**
 * WebGPU's entry point, and who provides it; with `matrix`, it offers matrix units too. Dawn's object must stay
 * referenced while a device lives.
 */
export async function entryPoint(safe: boolean, matrix = false): Promise<{ gpu: GPU; backend: string }> {
  const native = (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu;
  if (!hasProcess) {
    if (native === undefined) {
      throw new UserError(
        "This browser has no WebGPU: use a current Chrome, Edge, Safari or Firefox, over https or localhost",
      );
    }
    return { gpu: native, backend: "browser" };
  }
  if (inBun && native === undefined) { // Bun 1.4.5 aborts in Dawn's addon
    throw new UserError("Bun cannot run Dawn, its addon would end the process: use Node 20.10 or newer, or Deno");
  }
  // Mesa prints an error for each device where this is unset.
  setDefaultEnvironment("XDG_RUNTIME_DIR", environment("TMPDIR") ?? "/tmp");
  try {
    const { loadDawn } = await import("./dawn.ts"); // not above: bundles for browsers are without it
    const { create, version } = await loadDawn();
    const backend = DAWN_BACKENDS[platform()];
    const toggles = [
      ...TOGGLES,
      ...(backend === "vulkan" ? [HALF_ON_NVIDIA] : []),
      ...(matrix ? [EXPERIMENTAL] : []),
    ];
    return {
      gpu: create([
        ...(backend === undefined ? [] : [`backend=${backend}`]),
        ...(safe ? [] : [`enable-dawn-features=${toggles.join(",")}`]),
        "disable-dawn-features=timestamp_quantization",
      ]),
      backend: `Dawn ${version}${backend === undefined ? "" : ` on ${backend}`}${safe ? ", safe" : ""}`,
    };
  } catch (error) {
    if (native !== undefined) return { gpu: native, backend: "navigator.gpu" };
    throw new UserError(`Cannot load the npm package "webgpu" (Dawn): ${firstLine(error)}; run \`npm install\` again`);
  }
}
