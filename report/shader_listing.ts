/** The shaders of an op, for people to read: each with what it is bound to, in the comments of WGSL. */
import type { Chosen } from "../core/graph/memory_plan.ts";
import { type OpInfo, tensorText } from "./op_list.ts";

export interface ShaderInfo {
  readonly workgroups: readonly number[];
  /** What `@binding(i)` of group 0 is: "reads x 128x32x32x3". */
  readonly bindings: readonly string[];
  readonly code: string;
}

/** The dispatches of an op, in order. */
export function shaderInfos({ stages }: Chosen, { reads, writes }: OpInfo): ShaderInfo[] {
  return stages.dispatches.map(({ shader: { code, workgroups }, bindings }) => ({
    workgroups,
    bindings: bindings.map(({ from, index }) => {
      if (from === "scratch") return `scratch ${index}, ${stages.scratch[index]} bytes`;
      return `${from}s ${tensorText((from === "read" ? reads : writes)[index]!)}`;
    }),
    code,
  }));
}

/** The shaders of an op as one text, which is WGSL for each of them. */
export function shaderListing({ label, kernel, tuning }: OpInfo, shaders: readonly ShaderInfo[]): string {
  return shaders.map(({ workgroups, bindings, code }, index) => {
    const which = shaders.length === 1 ? "" : `, dispatch ${index + 1} of ${shaders.length}`;
    return [
      `// ${label}${which}: ${kernel} with tuning ${JSON.stringify(tuning)}, ${workgroups.join("x")} workgroups`,
      ...bindings.map((binding, at) => `// @binding(${at}) ${binding}`),
      "",
      code.trim(),
    ].join("\n");
  }).join("\n\n");
}
