/** Subgroups of a known size: what kernels need whose threads hand values to one another. */
import type { Limits } from "./kernel.ts";

/** Subgroups of one size. */
export interface Subgroups {
  /** Threads of a subgroup. */
  readonly lanes: number;
  /** The shader asks for the size; absent where every subgroup of the device has it. */
  readonly asked?: true;
}

/** The sizes that a kernel can rely on: the device's one, or each that a shader can ask for. */
export function subgroupsOf(
  { subgroupSize, subgroupSizes = [] }: Pick<Limits, "subgroupSize" | "subgroupSizes">,
): readonly Subgroups[] {
  return subgroupSize === null ? subgroupSizes.map((lanes) => ({ lanes, asked: true })) : [{ lanes: subgroupSize }];
}

/** What a module of such a kernel begins with. */
export const enableSubgroups = ({ asked }: Subgroups): string =>
  `enable subgroups;\n${asked ? "enable subgroup_size_control;\n" : ""}`;

/** Attributes of `main`, whose workgroups must be whole subgroups. */
export const subgroupAttribute = ({ lanes, asked }: Subgroups): string => asked ? ` @subgroup_size(${lanes})` : "";
