/**
 * Mesa's software driver compiles a shader when it first runs, one after the other in the thread of its device. So that no
 * core waits, a second device runs some of them: what it compiled, the first finds in the driver's cache on disk.
 */
import type { Shader } from "../../kernels/kernel.ts";
import type { Context } from "./device.ts";
import { pipelineFor } from "./pipeline.ts";

/** A shader, and how many buffers it binds. */
export interface FirstRun {
  readonly label: string;
  readonly shader: Shader;
  readonly bindings: number;
}

/** Bytes of each buffer that a first run binds: the driver checks every access. */
const BYTES = 1024;

/** Once the first device has compiled for so long, a second is opened: nothing to compile takes far less. */
const PATIENCE_MILLISECONDS = 250;

/** Fewer shaders are not worth it. */
const FEWEST = 8;

/** Runs one workgroup of each distinct shader on buffers of no meaning; `onRun` hears the share that is done. */
export async function runFirst(
  context: Context,
  all: readonly FirstRun[],
  onRun: (done: number) => void = () => {},
): Promise<void> {
  const left = [...new Map(all.map((each) => [each.shader.code, each])).values()], count = left.length;
  const { another } = context;
  if (another === undefined || count < FEWEST) return;
  const start = performance.now();
  let done = 0, helper: Promise<void> | null = null;
  /** Runs what is left, the next of which `take` takes. */
  const runLeft = async (device: GPUDevice, take: () => FirstRun, after: () => void) => {
    const buffers = buffersOf(device);
    try {
      while (left.length > 0) {
        await runOnce(device, buffers, take());
        onRun(++done / count);
        after();
      }
    } finally {
      buffers.forEach((buffer) => buffer.destroy());
    }
  };
  const help = async () => {
    const device = await another();
    await runLeft(device, () => left.pop()!, () => {}).finally(() => device.destroy());
  };
  await runLeft(context.device, () => left.shift()!, () => {
    if (performance.now() - start > PATIENCE_MILLISECONDS) helper ??= help().catch(() => {}); // the first goes on alone
  });
  await helper;
}

const buffersOf = (device: GPUDevice): GPUBuffer[] =>
  Array.from(
    { length: device.limits.maxStorageBuffersPerShaderStage },
    () => device.createBuffer({ size: BYTES, usage: GPUBufferUsage.STORAGE }),
  );

/** A shader that cannot run so, as its bindings have fixed sizes, is left to its first real run. */
async function runOnce(device: GPUDevice, buffers: readonly GPUBuffer[], { label, shader, bindings }: FirstRun) {
  const pipeline = await pipelineFor(device, label, shader.code);
  device.pushErrorScope("validation");
  const entries = buffers.slice(0, bindings).map((buffer, binding) => ({ binding, resource: { buffer } }));
  const bindGroup = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  const encoder = device.createCommandEncoder(), pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, bindGroup);
  pass.dispatchWorkgroups(1);
  pass.end();
  device.queue.submit([encoder.finish()]);
  await device.popErrorScope();
  await device.queue.onSubmittedWorkDone();
}
