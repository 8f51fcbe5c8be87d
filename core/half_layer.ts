/** Half precision inside, float32 outside: what mixed precision makes of a network. */
import { cast } from "../kernels/cast.ts";
import type { Layer, Params } from "./layer.ts";
import { type Op, op } from "./op.ts";
import { elements, type Tensor, tensor } from "./tensor.ts";

/** The tensor in the other type, and the op that makes it; no op where it is of that type already. */
function castTo(to: "f16" | "f32", x: Tensor, name: string): { readonly ops: readonly Op[]; readonly y: Tensor } {
  if (x.dtype === to) return { ops: [], y: x };
  const y = tensor(`${name}/${to}`, x.shape, { dtype: to });
  const label = `cast/${name}`;
  return { ops: [op(cast, { count: elements(x.shape), to }, { label, reads: [x], writes: [y] })], y };
}

/** Weights, which have four dimensions, in half precision; biases as they are. */
function halfWeights(params: Params): { readonly ops: readonly Op[]; readonly params: Params } {
  const ops: Op[] = [];
  const halved = Object.entries(params).map(([name, master]): [string, Tensor] => {
    if (master.shape.length !== 4) return [name, master];
    const { ops: made, y } = castTo("f16", master, name);
    ops.push(...made);
    return [name, y];
  });
  return { ops, params: Object.fromEntries(halved) };
}

/**
 * The same layer with its activations, their gradients and copies of its weights in half precision. Its parameters,
 * their gradients, input and output are float32 as before: to whoever uses it, only the rounding differs.
 */
export function halfLayer(layer: Layer): Layer {
  return {
    ...layer,
    forward(params, x, trace) {
      const weights = halfWeights(params), input = castTo("f16", x, "x");
      const pass = layer.forward(weights.params, input.y, trace), output = castTo("f32", pass.y, "y");
      return {
        ops: [...weights.ops, ...input.ops, ...pass.ops, ...output.ops],
        y: output.y,
        pullback(dy, want) {
          const signal = castTo(pass.y.dtype === "f16" ? "f16" : "f32", dy, "dy");
          const { ops, dx } = pass.pullback(signal.y, want);
          if (dx === null) return { ops: [...signal.ops, ...ops], dx };
          const gradient = castTo("f32", dx, "dx");
          return { ops: [...signal.ops, ...ops, ...gradient.ops], dx: gradient.y };
        },
      };
    },
  };
}
