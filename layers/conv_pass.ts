/** What layers that are convolutions to the kernels have in common: forward, and back with an activation. */
import { convBackwardData } from "../kernels/conv/conv_backward_data.ts";
import { convBackwardWeight } from "../kernels/conv/conv_backward_weight.ts";
import { convForward } from "../kernels/conv/conv_forward.ts";
import type { ConvProblem } from "../kernels/conv/conv_problem.ts";
import { reluPullback } from "../kernels/layer/relu_pullback.ts";
import { castTo } from "../core/graph/cast_to.ts";
import type { Forward, Params } from "../core/graph/layer.ts";
import { type Op, op } from "../core/graph/op.ts";
import { dtypeOf, elements, type Shape, type Tensor, tensor } from "../core/graph/tensor.ts";

/** What a convolution is to its kernels, beside its arrays. */
export interface ConvPass {
  readonly problem: Omit<ConvProblem, "dtype">;
  /** Slope of the activation for negative values: 0 for ReLU, null for none. */
  readonly slope: number | null;
  readonly output: Shape;
}

/** The pass of the layer `name` with parameters `w` and `b` over `given`: in half precision where `w` is. */
export function convPass(name: string, { problem, slope, output }: ConvPass, params: Params, given: Tensor): Forward {
  const w = params["w"]!, b = params["b"]!, dtype = w.dtype === "f16" ? "f16" : "f32";
  const { ops: casts, y: x } = castTo(dtype, given, `${name}/x`), conv: ConvProblem = { ...problem, ...dtypeOf(w) };
  const y = tensor(`${name}/y`, output, { dtype });
  const forward = { label: "forward", reads: [x, w, b], writes: [y] };
  return {
    ops: [...casts, op(convForward, { ...conv, bias: true, slope }, forward)],
    y,
    pullback(dy, { rule, grads, input }) {
      const ops: Op[] = [];
      let dz = dy;
      if (slope !== null) {
        dz = tensor(`${name}/dz`, y.shape, { dtype });
        const reads = rule === "deconvnet" ? [dy] : [dy, y];
        const relu = { count: elements(y.shape), rule, slope, ...dtypeOf(w) };
        ops.push(op(reluPullback, relu, { label: "activation", reads, writes: [dz] }));
      }
      if (grads !== null) {
        const writes = [grads["w"]!, grads["b"]!];
        ops.push(op(convBackwardWeight, { ...conv, bias: true }, { label: "dw", reads: [x, dz], writes }));
      }
      if (!input) return { ops, dx: null };
      const dx = tensor(`${name}/dx`, x.shape, { dtype });
      ops.push(op(convBackwardData, conv, { label: "dx", reads: [dz, w], writes: [dx] }));
      const back = castTo(given.dtype === "f16" ? "f16" : "f32", dx, `${name}/dx`);
      return { ops: [...ops, ...back.ops], dx: back.y };
    },
  };
}
