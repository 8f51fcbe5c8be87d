/**
 * What a convolution does to each sum before it stores it, in this order: add a bias, activate, drop out, mask.
 * All but the bias are what it can absorb of other ops (kernels/pointwise.ts).
 */
import { type Computed, type FloatType, storedType } from "../dtype.ts";
import { drawFrom, isKept } from "../layer/dropout.ts";
import type { Dropout, Mask } from "../pointwise.ts";
import { type Binding, read } from "../kernel.ts";
import { f32, RANDOM, STEP } from "../wgsl.ts";

export interface Epilogue {
  readonly bias?: boolean;
  /** Slope of the activation for negative sums: 0 for ReLU, null for none. */
  readonly slope?: number | null;
  readonly dropout?: Dropout | null;
  readonly mask?: Mask | null;
}

/** The op's reads that an epilogue binds, from read `first` on: bias [channels], step buffer, mask [as the output]. */
export function epilogueReads({ bias, dropout, mask }: Epilogue, first: number): Binding[] {
  return [bias, dropout, mask].filter((each) => each).map((_, index) => read(first + index));
}

/**
 * The bindings from `first` on, the last of them `output`, and the function `finish(sum, bias, at)` for the element (or
 * four neighbours, where `type` is vec4f) that is stored at index `at` of `output`. Mask and output are of `dtype`.
 */
export function epilogueDeclarations(e: Epilogue, first: number, type: Computed, dtype?: FloatType): string {
  const stored = storedType(type, dtype);
  const { bias = false, slope = null, dropout = null, mask = null } = e;
  let binding = first;
  const kept = (dropout: Dropout) =>
    type === "f32"
      ? isKept(dropout, "at")
      : `vec4<bool>(${[0, 1, 2, 3].map((c) => isKept(dropout, `4u * at + ${c}u`)).join(", ")})`;
  const bound = (text: string) => `@group(0) @binding(${binding++}) var<storage, ${text};\n`;
  return `${dropout ? STEP + RANDOM : ""}\
${bias ? bound(`read> bias: array<${type}>`) : ""}\
${dropout ? bound("read> step: Step") : ""}\
${mask ? bound(`read> mask: array<${stored}>`) : ""}\
${bound(`read_write> output: array<${stored}>`)}\
fn finish(sum: ${type}, b: ${type}, at: u32) -> ${type} {
  var v = sum${bias ? " + b" : ""};
${slope === null ? "" : `  v = max(v, ${slope === 0 ? `${type}()` : `${f32(slope)} * v`});\n`}\
${
    dropout
      ? `${drawFrom(dropout)}
  v = select(${type}(), v * ${f32(1 / (1 - dropout.rate))}, ${kept(dropout)});\n`
      : ""
  }\
${
    mask
      ? `  v *= select(${type}(${f32(mask.scale * mask.slope)}), ${type}(${
        f32(mask.scale)
      }), mask[at] > ${stored}());\n`
      : ""
  }\
  return v;
}
`;
}
