/** Half precision inside, float32 outside: what mixed precision makes of a network. */
import { castTo } from "./cast_to.ts";
import type { Layer, Params } from "./layer.ts";
import type { Op } from "./op.ts";
import type { Tensor } from "./tensor.ts";

/** Copies in half precision of the parameters of which a layer takes some; the others as they are. */
function halfParams(
  params: Params,
  names: readonly string[],
): { readonly ops: readonly Op[]; readonly params: Params } {
  const ops: Op[] = [];
  const halved = names.map((name): [string, Tensor] => {
    const { ops: made, y } = castTo("f16", params[name]!, name);
    ops.push(...made);
    return [name, y];
  });
  return { ops, params: { ...params, ...Object.fromEntries(halved) } };
}

/**
 * The same layer with its activations, their gradients and copies of its weights in half precision. Its parameters,
 * their gradients, input and output are float32 as before: to whoever uses it, only the rounding differs. A layer that
 * knows float32 alone is returned as it is.
 */
export function halfLayer(layer: Layer): Layer {
  const { half } = layer;
  if (half === undefined) return layer;
  return {
    ...layer,
    forward(params, x, trace) {
      const weights = halfParams(params, half);
      // x stays float32 up to the first layer that casts it: a user's own layer in front must not see it rounded.
      const pass = layer.forward(weights.params, x, trace), output = castTo("f32", pass.y, "y");
      return {
        ops: [...weights.ops, ...pass.ops, ...output.ops],
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
