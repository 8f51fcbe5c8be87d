/** What a driver's compiler made of one shader, and of a whole op on a GPU. */
import { readAssembly } from "./assembly.ts";
import { type Cycles, type LoopBounds, loopBounds, scaled, subgroupCycles, subgroupProducts } from "./bounds.ts";
import type { Gpu } from "./gpus.ts";
import type { Workgroups } from "../../kernels/kernel.ts";

/** What the driver says of a pipeline, of its many statistics those that are told on. */
export interface Statistics {
  readonly subgroupSize: number;
  /** Vector registers of a lane. */
  readonly registers: number;
  /** Registers, of lanes and of subgroups, that went to memory. */
  readonly spills: number;
  /** Subgroups that fit on a SIMD at once, as registers and workgroup memory allow. */
  readonly occupancy: number;
  readonly workgroupMemory: number;
  readonly codeBytes: number;
}

export interface ShaderReport extends Statistics {
  /** Null where no loop multiplies. */
  readonly loop: LoopBounds | null;
  readonly workgroups: number;
  readonly threads: number;
  /** What a SIMD does for one subgroup, and the multiply-adds that this makes; loops of unknown length count once. */
  readonly cycles: Cycles;
  readonly products: number;
}

export function statisticsOf(json: string): Statistics {
  const told: Readonly<Record<string, unknown>> = JSON.parse(json), number = (name: string) => Number(told[name]);
  return {
    subgroupSize: number("subgroupSize"),
    registers: number("VGPRs"),
    spills: number("Spilled VGPRs") + number("Spilled SGPRs"),
    occupancy: number("Subgroups per SIMD"),
    workgroupMemory: number("LDS size"),
    codeBytes: number("Code size"),
  };
}

const threadsOf = (code: string): number => {
  const [, size = "1"] = /@workgroup_size\(([^)]*)\)/.exec(code) ?? [];
  return size.split(",").reduce((product, each) => product * parseInt(each), 1);
};

export function shaderReport(
  { code, workgroups }: { readonly code: string; readonly workgroups: Workgroups },
  statistics: string,
  assembly: string,
  { generation }: Gpu,
): ShaderReport {
  const told = statisticsOf(statistics), read = readAssembly(assembly);
  return {
    ...told,
    loop: loopBounds(read, told.subgroupSize, generation),
    workgroups: workgroups.reduce((product, each) => product * each),
    threads: threadsOf(code),
    cycles: subgroupCycles(read, told.subgroupSize, generation),
    products: subgroupProducts(read, told.subgroupSize),
  };
}

/** What a dispatch costs beside its work, seconds: begin, end and the barrier between. */
const DISPATCH = 3e-6;

const subgroupsOf = ({ workgroups, threads, subgroupSize }: ShaderReport) =>
  workgroups * Math.ceil(threads / subgroupSize);

/** The same reports, with the cycles of loops whose length the code does not tell: the op needs `products` in all. */
function completed(shaders: readonly ShaderReport[], products: number): ShaderReport[] {
  const counted = shaders.reduce((sum, shader) => sum + subgroupsOf(shader) * shader.products, 0);
  const missing = counted === 0 ? 1 : Math.max(1, products / counted);
  return shaders.map((shader) =>
    shader.products === 0 ? shader : { ...shader, cycles: scaled(shader.cycles, missing) }
  );
}

/**
 * Seconds that an op of these shaders is likely to take: of arithmetic, workgroup memory, cache and memory the slowest,
 * with SIMDs idle where the last round of workgroups does not fill them. `products` is the least of multiply-adds, 0 if
 * not known; `bytes` are those that each dispatch moves.
 */
export function likelySeconds(
  shaders: readonly ShaderReport[],
  products: number,
  bytes: readonly number[],
  { units, gigahertz, bandwidth, generation: { simds } }: Gpu,
): number {
  return completed(shaders, products).reduce((sum, shader, index) => {
    const { cycles, workgroups, threads, subgroupSize, occupancy } = shader;
    const resident = Math.max(1, Math.floor(simds * occupancy / Math.ceil(threads / subgroupSize))) * units;
    const filled = workgroups > resident ? workgroups / (Math.ceil(workgroups / resident) * resident) : 1;
    const busy = Math.min(1, subgroupsOf(shader) / (units * simds)) * filled;
    const slowest = Math.max(...Object.values(cycles)) * subgroupsOf(shader) / (units * simds * busy);
    return sum + Math.max(slowest / (gigahertz * 1e9), bytes[index]! / (bandwidth * 1e9)) + DISPATCH;
  }, 0);
}
