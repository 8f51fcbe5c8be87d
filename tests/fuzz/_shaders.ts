/** Are the shaders of accepted configs valid WGSL? Asked of Dawn's compiler, without making pipelines. */
import type { Context } from "../../core/device/device.ts";

/** Returns a function that throws where a shader does not compile; each text is tried once. */
export function shaderCheck({ device }: Context): (shaders: readonly string[]) => Promise<void> {
  const tried = new Set<string>();
  return async (shaders) => {
    for (const code of shaders) {
      if (tried.has(code)) continue;
      tried.add(code);
      device.pushErrorScope("validation");
      const module = device.createShaderModule({ code });
      const error = await device.popErrorScope();
      if (error !== null) throw new Error(`A shader does not compile: ${error.message.slice(0, 500)}\n${code}`);
      void module;
    }
  };
}
