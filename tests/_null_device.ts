/** A device of Dawn's null back end: it validates shaders of every feature, matrix units included, and runs nothing. */
import { loadDawn } from "../core/host/dawn.ts";

/** Its subgroups have up to so many lanes, of which the workgroups of a shader on matrix units must be multiples. */
export const NULL_LANES = 128;

/** Dawn's objects, which must stay referenced while their devices live. */
const instances: GPU[] = [];

export async function nullDevice(): Promise<GPUDevice> {
  const { create } = await loadDawn();
  const gpu = create(["backend=null", "enable-dawn-features=allow_unsafe_apis"]);
  instances.push(gpu);
  const adapter = await gpu.requestAdapter();
  const features = ["shader-f16", "subgroups", "chromium-experimental-subgroup-matrix"] as GPUFeatureName[];
  const { maxComputeWorkgroupStorageSize, maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupSizeX } =
    adapter!.limits;
  return await adapter!.requestDevice({
    requiredFeatures: features,
    requiredLimits: { maxComputeWorkgroupStorageSize, maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupSizeX },
  });
}
