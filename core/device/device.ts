/** Opens a GPU: what it can do, what identifies it, and whether it is still there. */
import type { Limits } from "../../kernels/kernel.ts";
import type { MatrixConfig } from "../../kernels/matrix_config.ts";
import { DeviceLostError, firstLine, UserError } from "../host/errors.ts";
import { subgroupsOf } from "../../kernels/subgroups.ts";
import { matricesOf, probeMatrix } from "./probe_matrix.ts";
import { hasProcess } from "../host/process.ts";
import { entryPoint, SUBGROUP_MATRIX } from "../host/webgpu.ts";

/** An open device, what kernels may use on it, and what identifies it. */
export interface Context {
  /** WebGPU's own device, for work of your own on it. `close` destroys it. */
  readonly device: GPUDevice;
  /** What kernels may use: `kernel.tunings(problem, limits)`. */
  readonly limits: Limits;
  /** Can ops be timed on the device? */
  readonly timestamps: boolean;
  /** One line for people: adapter, driver, back end. */
  readonly description: string;
  /** Everything a tuning depends on: adapter, driver, limits but f16, toggles, version of Dawn, as one string. */
  readonly scope: string;
  /** Opens a second device of the same adapter, to compile shaders at the same time; of Mesa's software driver alone. */
  readonly another?: () => Promise<GPUDevice>;
  /** Throws if the device was closed or lost (`DeviceLostError`), or reported an error. */
  check(): void;
  /**
   * Gives the device back; the process can end then. All that is on the device is gone. Calling it again does nothing.
   */
  close(): void;
  /** `close`, for `using device = await openDevice()`. */
  [Symbol.dispose](): void;
}

const NO_ADAPTER = "Cannot find a GPU that WebGPU can use. Install a Vulkan driver: the vendor's for a discrete GPU; " +
  "on Debian or Ubuntu without one, the software driver (packages mesa-vulkan-drivers, version 23 or newer, and " +
  "libvulkan1). VK_DRIVER_FILES can name the driver's JSON file";

const NO_BROWSER_ADAPTER = "Cannot find a GPU: this browser has WebGPU, but offers none on this machine; turn on its " +
  "hardware acceleration, or update the graphics driver";

/** Limits to raise from WebGPU's defaults to what the adapter has. */
const RAISED = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
] as const;

/** By which shaders ask for a size of subgroups; newer than TypeScript's names. */
const SIZE_CONTROL = "subgroup-size-control" as GPUFeatureName;

/** Used where the adapter has them. */
const FEATURES: readonly GPUFeatureName[] = ["timestamp-query", "subgroups", SIZE_CONTROL, "shader-f16"];

/** Dawn ends the process where its instance is collected while a device lives; a variable that is only named, minifiers drop. */
const inUse = new Set<GPU>();

/** Which guards and kernels a device gets; all are off unless said otherwise. */
export interface DeviceOptions {
  /** Leave Dawn's bounds checks and other guards on. */
  readonly safe?: boolean;
  /** Offer only kernels that sum the products of the definition, so no Winograd. */
  readonly exact?: boolean;
  /**
   * Offer kernels on matrix units (tensor cores) where half precision is computed: candidates of the tuner, never a
   * default. They have run in emulation only, on no hardware yet. Without effect where the adapter has no such units,
   * and with `safe`, which leaves Dawn's experimental features off.
   */
  readonly matrix?: boolean;
}

/**
 * Opens the adapter that WebGPU prefers, with all of its limits: Dawn in Node and Deno, the browser's own elsewhere.
 * `close()` lets the process end. Throws `UserError` where there is no adapter.
 *
 * @example
 * ```ts
 * const opened = await openDevice({ exact: true });
 * console.log(opened.description);
 * opened.close();
 * ```
 */
export function openDevice(options: DeviceOptions = {}): Promise<Context> {
  return openProbed(options, probeMatrix);
}

/** As `openDevice`, with another way to choose among the matrix units on offer: on a device that computes nothing. */
export async function openProbed(
  { safe = false, exact = false, matrix = false }: DeviceOptions,
  probe: typeof probeMatrix,
): Promise<Context> {
  const { gpu, backend } = await entryPoint(safe, matrix);
  inUse.add(gpu);
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (adapter === null) throw new UserError(hasProcess ? NO_ADAPTER : NO_BROWSER_ADAPTER);
  const { info } = adapter;
  const timestamps = adapter.features.has("timestamp-query"), subgroups = adapter.features.has("subgroups");
  const descriptor: GPUDeviceDescriptor = {
    requiredFeatures: [...FEATURES, ...(matrix ? [SUBGROUP_MATRIX] : [])].filter((feature) =>
      adapter.features.has(feature)
    ),
    requiredLimits: Object.fromEntries(RAISED.map((name) => [name, Number(adapter.limits[name])])),
  };
  const device = await adapter.requestDevice(descriptor).catch((error) => {
    throw new UserError(`Cannot open the GPU ${info.description || info.device}: ${firstLine(error)}`);
  });
  const name = info.description || info.device || `${info.vendor} ${info.architecture}`;
  const software = info.isFallbackAdapter || /llvmpipe|lavapipe|swiftshader|software|WARP|Basic Render/i.test(
    `${name} ${info.vendor} ${info.architecture} ${info.device}`,
  );
  const subgroupSize = subgroups && info.subgroupMinSize === info.subgroupMaxSize ? info.subgroupMinSize : null;
  const known = { subgroupSize, ...askedSizes(device, info) }, sizes = subgroupsOf(known);
  const units = matrix && device.features.has(SUBGROUP_MATRIX) ? await probe(device, matricesOf(info), sizes) : null;
  const limits: Limits = {
    workgroupInvocations: device.limits.maxComputeInvocationsPerWorkgroup,
    workgroupStorage: device.limits.maxComputeWorkgroupStorageSize,
    bindingBytes: Math.floor(Number(device.limits.maxStorageBufferBindingSize) / 256) * 256,
    ...known,
    software,
    exact,
    ...(device.features.has("shader-f16") ? { f16: true } : {}),
    ...(units === null ? {} : { matrix: units }),
  };
  // What was measured and recorded in float32 holds with and without f16.
  const { f16: _f16, ...scoped } = limits;
  let failure: Error | null = null;
  let closing = false;
  device.addEventListener("uncapturederror", (event) => {
    const { error } = event as GPUUncapturedErrorEvent, message = firstLine(error);
    const full = error.constructor.name === "GPUOutOfMemoryError";
    failure ??= full
      ? new UserError(({ smallerBatch }) => `The GPU ran out of memory (${message}): use ${smallerBatch}`)
      : new Error(`The GPU reported: ${error.message}`);
  });
  device.lost.then(({ reason, message }) => {
    // Whatever was reported before is a consequence or says less.
    if (!closing) {
      failure = new DeviceLostError(`The GPU device was lost (${reason}: ${firstLine(message) || "no reason given"})`);
    }
  });
  const another = async () => {
    const same = await gpu.requestAdapter({ powerPreference: "high-performance" }); // an adapter opens one device
    return await same!.requestDevice(descriptor);
  };
  const close = () => {
    closing = true;
    device.destroy();
    inUse.delete(gpu);
  };
  return {
    device,
    limits,
    timestamps,
    description: `${name}, ${backend}${software ? "; a software adapter, much slower than a GPU" : ""}${
      matrix ? describeUnits(units, sizes.length > 0) : ""
    }`,
    scope: JSON.stringify({ ...infoFields(info), backend, limits: scoped }),
    ...(/llvmpipe/i.test(name) ? { another } : {}),
    check() {
      if (closing) throw new UserError("The device was closed: openDevice opens another one");
      if (failure !== null) throw failure;
    },
    close,
    [Symbol.dispose]: close,
  };
}

/** Sizes that shaders can ask for, where they vary. */
function askedSizes(device: GPUDevice, { subgroupMinSize: least, subgroupMaxSize: most }: GPUAdapterInfo) {
  if (!device.features.has(SIZE_CONTROL) || least === most) return {};
  const doublings = Array.from({ length: Math.log2(most / least) + 1 }, (_, power) => least * 2 ** power);
  return { subgroupSizes: doublings };
}

function describeUnits(units: MatrixConfig | null, sized: boolean): string {
  if (units === null) return `; no matrix units that can be used${sized ? "" : ", as sizes of subgroups vary"}`;
  return `; matrix units of ${units.m}x${units.n}x${units.k}, in kernels that have not run on hardware yet`;
}

const infoFields = ({ vendor, architecture, device, description }: GPUAdapterInfo) => ({
  vendor,
  architecture,
  device,
  description,
});
