/** Which matrix units a device has, and in which dialect of WGSL they compute what they should. */
import { DIALECTS, type MatrixConfig, type MatrixDialect } from "../../kernels/matrix_config.ts";
import { type MatrixProbe, matrixProbe } from "../../kernels/measure/matrix_probe.ts";
import type { Subgroups } from "../../kernels/subgroups.ts";
import { forgetPipeline, pipelineFor } from "./pipeline.ts";

/** An entry of `GPUAdapterInfo.subgroupMatrixConfigs`, which WebGPU's types do not know yet. */
export interface SubgroupMatrixConfig {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** What the experimental feature adds to WebGPU's types. */
type MatrixInfo = GPUAdapterInfo & { readonly subgroupMatrixConfigs?: Iterable<SubgroupMatrixConfig> };

/** The sizes of matrices that an adapter offers. */
export const matricesOf = (info: GPUAdapterInfo): Iterable<SubgroupMatrixConfig> =>
  (info as MatrixInfo).subgroupMatrixConfigs ?? [];

/** Sides that the tiles are made for: in eights, so that rows begin at 16 bytes, and no larger than a tile. */
const fits = (side: number) => side % 8 === 0 && side <= 16;

/** The sizes with f16 operands and f32 sums that the kernels can use, the largest first. */
export function fittingSizes(configs: Iterable<SubgroupMatrixConfig>): Pick<MatrixConfig, "m" | "n" | "k">[] {
  return [...configs]
    .filter(({ componentType, resultComponentType }) => componentType === "f16" && resultComponentType === "f32")
    .map(({ M: m, N: n, K: k }) => ({ m, n, k })).filter(({ m, n, k }) => fits(m) && fits(n) && fits(k))
    .sort((a, b) => b.m * b.n * b.k - a.m * a.n * a.k);
}

/** All that may work, the largest matrices first; of the sizes of subgroups, the smallest first. */
export const matrixConfigs = (
  configs: Iterable<SubgroupMatrixConfig>,
  subgroups: readonly Subgroups[],
  dialects: readonly MatrixDialect[] = DIALECTS,
): MatrixConfig[] =>
  fittingSizes(configs).flatMap((size) =>
    dialects.flatMap((dialect) => subgroups.map((each) => ({ ...size, ...each, dialect })))
  );

/** The first of `configs`, `subgroups` and `dialects` that compiles and computes right products on the device, or null. */
export async function probeMatrix(
  device: GPUDevice,
  configs: Iterable<SubgroupMatrixConfig>,
  subgroups: readonly Subgroups[],
  dialects: readonly MatrixDialect[] = DIALECTS,
): Promise<MatrixConfig | null> {
  for (const config of matrixConfigs(configs, subgroups, dialects)) {
    const probes = (["row_major", "col_major"] as const).map((order) => matrixProbe(config, order));
    if (await isRight(device, probes[0]!) && await isRight(device, probes[1]!)) return config;
  }
  return null;
}

/** Does the probe's shader compile, and compute what it should? */
async function isRight(device: GPUDevice, { shader: { code }, expected }: MatrixProbe): Promise<boolean> {
  const pipeline = await pipelineFor(device, "matrix_probe", code).catch(() => null);
  forgetPipeline(device, code);
  if (pipeline === null) return false;
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC, size = expected.byteLength;
  device.pushErrorScope("validation");
  const output = device.createBuffer({ size, usage });
  const readable = device.createBuffer({ size, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
  const entries = [{ binding: 0, resource: { buffer: output } }];
  const bindGroup = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, bindGroup);
  pass.dispatchWorkgroups(1);
  pass.end();
  encoder.copyBufferToBuffer(output, 0, readable, 0, size);
  device.queue.submit([encoder.finish()]);
  const invalid = await device.popErrorScope();
  const product = invalid !== null ? null : await readable.mapAsync(GPUMapMode.READ)
    .then(() => new Float32Array(readable.getMappedRange().slice(0)), () => null);
  output.destroy();
  readable.destroy();
  return product !== null && product.every((value, index) => value === expected[index]);
}
