/** Shaders to pipelines, each compiled once per device, with errors that show the generated line. */

const caches = new WeakMap<GPUDevice, Map<string, Promise<GPUComputePipeline>>>();

/** A shader that does not compile: with the lines around, and the compiler's reason alone. */
export class ShaderError extends Error {
  constructor(message: string, readonly reason: string) {
    super(message);
  }
}

/** The pipeline of a WGSL module with entry point `main`. Throws with the lines around a compile error. */
export function pipelineFor(device: GPUDevice, label: string, code: string): Promise<GPUComputePipeline> {
  let cache = caches.get(device);
  if (cache === undefined) caches.set(device, cache = new Map());
  let pipeline = cache.get(code);
  if (pipeline === undefined) cache.set(code, pipeline = compileShader(device, label, code));
  return pipeline;
}

/** Lets go of a pipeline that is not needed any more: the tuner tries hundreds. */
export function forgetPipeline(device: GPUDevice, code: string): void {
  caches.get(device)?.delete(code);
}

async function compileShader(device: GPUDevice, label: string, code: string): Promise<GPUComputePipeline> {
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ label, code });
  const invalid = device.popErrorScope();
  const { messages } = await module.getCompilationInfo();
  const error = messages.find(({ type }) => type === "error");
  await invalid;
  if (error !== undefined) {
    throw new ShaderError(compileMessage(label, code, error.message, error.lineNum), error.message);
  }
  return await device.createComputePipelineAsync({ label, layout: "auto", compute: { module, entryPoint: "main" } });
}

/** The message with the generated line and two neighbours on each side. */
function compileMessage(label: string, code: string, message: string, line: number): string {
  const context = code.split("\n").map((text, index) => ({ text, number: index + 1 }))
    .filter(({ number }) => Math.abs(number - line) <= 2)
    .map(({ text, number }) => `${number === line ? ">" : " "} ${String(number).padStart(4)} | ${text}`);
  return `Cannot compile the shader of ${label}, line ${line}: ${message}\n${context.join("\n")}`;
}
