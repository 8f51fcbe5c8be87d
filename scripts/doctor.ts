/**
 * What `start.sh --doctor` says of Vulkan: does its loader load, does the library of each driver, and what does Dawn
 * find then? Driver files come on standard input, one path a line. Exit code 1: no GPU, no software driver either.
 */
import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";

/** Tries to load a shared library: null, or the system's reason why not, which names what is missing. */
function loadError(library: string): string | null {
  try {
    process.dlopen({ exports: {} }, library, constants.dlopen.RTLD_LAZY);
    return null;
  } catch (error) {
    const [line] = (error as Error).message.split("\n");
    return /self-register/.test(line!) ? null : line!; // loaded, and is no module of Node, as it should be
  }
}

const verdict = (library: string) => {
  const reason = loadError(library);
  return reason === null ? "loads" : `does not load: ${reason}`;
};

/** "driver.json: library, verdict". A path in it is relative to the JSON file; a bare name is looked up. */
function driverLine(path: string): string {
  try {
    const { ICD } = JSON.parse(readFileSync(path, "utf8")) as { ICD: { library_path: string } };
    const library = ICD.library_path.includes("/") ? join(dirname(path), ICD.library_path) : ICD.library_path;
    return `Driver ${path}: ${library} ${verdict(ICD.library_path.startsWith("/") ? ICD.library_path : library)}`;
  } catch (error) {
    return `Driver ${path}: ${(error as Error).message}`;
  }
}

/** What Dawn sees of the adapter, experimental features included. */
async function adapterLines(): Promise<string[] | null> {
  const { create, globals } = await import("webgpu");
  Object.assign(globalThis, globals);
  const gpu = create(["enable-dawn-features=allow_unsafe_apis,vulkan_enable_f16_on_nvidia"]);
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (adapter === null) return null;
  const { info, limits } = adapter;
  const configs = (info as { subgroupMatrixConfigs?: Iterable<Record<string, unknown>> }).subgroupMatrixConfigs ?? [];
  const matrices = Array.from(
    configs,
    ({ componentType, resultComponentType, M, N, K }) => `${componentType}->${resultComponentType} ${M}x${N}x${K}`,
  );
  return [
    `Adapter: ${info.vendor} ${info.architecture}, ${info.device}, ${info.description}`,
    `Subgroups: ${info.subgroupMinSize} to ${info.subgroupMaxSize}; matrices: ${matrices.join(", ") || "none"}`,
    `Limits: ${limits.maxComputeInvocationsPerWorkgroup} invocations, ${limits.maxComputeWorkgroupStorageSize} bytes of ` +
    `workgroup memory, bindings of ${limits.maxStorageBufferBindingSize} and buffers of ${limits.maxBufferSize} bytes`,
    `Features: ${[...adapter.features].sort().join(" ")}`,
  ];
}

const drivers = readFileSync(0, "utf8").split("\n").filter((line) => line !== "");
console.log(`Vulkan's loader: libvulkan.so.1 ${verdict("libvulkan.so.1")}`);
console.log(drivers.map(driverLine).join("\n") || "Drivers of Vulkan: none found");
const adapter = await adapterLines();
console.log(adapter === null ? "Adapter: none" : adapter.join("\n"));
process.exit(adapter === null ? 1 : 0);
