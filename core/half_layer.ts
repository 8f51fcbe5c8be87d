/** Half precision inside, float32 outside: what mixed precision makes of a network. */
import { castTo } from "./cast_to.ts";
import type { Layer, Params } from "./layer.ts";
import type { Op } from "./op.ts";
import type { Tensor } from "./tensor.ts";

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
