/** Arenas: many small tensors in as few buffers as bindings allow, so that one dispatch updates a whole chunk. */
import type { Params, ParamSpecs } from "./layer.ts";
import { elements, type Tensor, type VirtualBuffer } from "./tensor.ts";
import { checkMemory } from "../host/memory.ts";
import { UserError } from "../host/errors.ts";

/** Every binding offset of WebGPU's default limits is a multiple of this. */
const ALIGNMENT = 256;

/** Training holds parameters, gradients and moments of them, and a copy of the first while they are initialized or saved. */
const COPIES = 4;

/** Parameters, state of layers, gradients or moments of them: 256-byte aligned views, in as many chunks as bindings allow. */
export interface Arena {
  /** One flat f32 tensor per chunk. */
  readonly chunks: readonly Tensor[];
  /** The named tensors, in the order of the specs; none straddles two chunks. */
  readonly views: Params;
}

/**
 * Lays out the tensors of `specs` in persistent buffers of at most `bindingBytes` each. Arenas of equal specs have
 * equal layouts. Throws `UserError` where one tensor alone exceeds a binding.
 */
export function arena(label: string, specs: ParamSpecs, { bindingBytes }: { readonly bindingBytes: number }): Arena {
  const chunks: { name: string; offset: number }[][] = [];
  const sizes: number[] = [];
  for (const [name, { shape }] of Object.entries(specs)) {
    const bytes = Math.ceil(4 * elements(shape) / ALIGNMENT) * ALIGNMENT;
    if (bytes > bindingBytes) {
      throw new UserError(
        `Cannot bind "${name}" (${4 * elements(shape)} bytes): this device binds at most ${bindingBytes} bytes at once`,
      );
    }
    if (sizes.length === 0 || sizes.at(-1)! + bytes > bindingBytes) {
      chunks.push([]);
      sizes.push(0);
    }
    chunks.at(-1)!.push({ name, offset: sizes.at(-1)! });
    sizes[sizes.length - 1]! += bytes;
  }
  checkMemory("the parameters with their gradients and moments", COPIES * sizes.reduce((sum, size) => sum + size, 0));
  const views: Record<string, Tensor> = {};
  const tensors = chunks.map((entries, index): Tensor => {
    const buffer: VirtualBuffer = { label: `${label}/${index}`, bytes: sizes[index]!, lifetime: "persistent" };
    for (const { name, offset } of entries) views[name] = { buffer, offset, shape: specs[name]!.shape, dtype: "f32" };
    return { buffer, offset: 0, shape: [sizes[index]! / 4], dtype: "f32" };
  });
  return { chunks: tensors, views };
}
