/** Dawn, Chrome's WebGPU, as the npm package `webgpu`: native code. Bundles for browsers leave this file out. */

/** Loads Dawn and makes WebGPU's constants global. Throws where the package is missing or does not fit the system. */
export async function loadDawn(): Promise<{ create: (options: string[]) => GPU; version: string }> {
  const { create, globals } = await import("webgpu");
  Object.assign(globalThis, globals);
  const { default: { version } } = await import("webgpu/package.json", { with: { type: "json" } });
  return { create, version };
}
