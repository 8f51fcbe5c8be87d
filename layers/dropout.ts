import { z } from "zod";
import { dropout as dropoutKernel } from "../kernels/dropout.ts";
import type { Layer } from "../core/layer.ts";
import { op } from "../core/op.ts";
import { streamOf } from "../core/random.ts";
import { elements, tensor } from "../core/tensor.ts";
import { checkOptions } from "./explain_issue.ts";

const optionsSchema = z.strictObject({
  rate: z.number().min(0).lt(1).describe("Probability of zeroing an element"),
});
export const dropoutSchema = z.strictObject({ dropout: optionsSchema });

/** Zeroes elements with probability `rate` in training and scales the others by 1 / (1 - rate); else the identity. */
export function dropout(name: string, options: { readonly rate: number }): Layer {
  const { rate } = checkOptions(optionsSchema, options, `Cannot build dropout "${name}"`);
  return {
    name,
    init: (input) => ({ output: input, params: {} }),
    forward(_params, x, { mode, step }) {
      if (mode === "eval" || rate === 0) {
        return { ops: [], y: x, pullback: (dy) => ({ ops: [], dx: dy }) };
      }
      const count = elements(x.shape),
        problem = { count, rate, stream: streamOf(name), perExample: count / x.shape[0]! };
      const y = tensor(`${name}/y`, x.shape);
      return {
        ops: [op(dropoutKernel, problem, { label: "forward", reads: [x, step], writes: [y] })],
        y,
        pullback(dy, { input }) {
          if (!input) return { ops: [], dx: null };
          const dx = tensor(`${name}/dx`, x.shape);
          return { ops: [op(dropoutKernel, problem, { label: "dx", reads: [dy, step], writes: [dx] })], dx };
        },
      };
    },
  };
}
