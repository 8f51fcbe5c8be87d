import { cast } from "../../kernels/layer/cast.ts";
import { type Op, op } from "./op.ts";
import { elements, type Tensor, tensor } from "./tensor.ts";

/**
 * A tensor in another float type, and the op that makes it; the tensor itself, and no op, where it is of that type
 * already. `name` is that of the op's label and of the new tensor.
 */
export function castTo(
  dtype: "f16" | "f32",
  x: Tensor,
  name: string,
): { readonly ops: readonly Op[]; readonly y: Tensor } {
  if (x.dtype === dtype) return { ops: [], y: x };
  const y = tensor(`${name}/${dtype}`, x.shape, { dtype });
  const label = `cast/${name}`;
  return { ops: [op(cast, { count: elements(x.shape), to: dtype }, { label, reads: [x], writes: [y] })], y };
}
