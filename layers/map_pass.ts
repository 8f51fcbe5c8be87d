/** What layers that are a function of each element have in common. */
import { type Formula, mapForward, mapPullback, readsBack } from "../kernels/layer/elementwise_map.ts";
import type { Forward } from "../core/graph/layer.ts";
import { op } from "../core/graph/op.ts";
import { dtypeOf, elements, type Tensor, tensor } from "../core/graph/tensor.ts";

/** The pass of the layer `name` over `x`: it keeps what its way back reads, of x and y. */
export function mapPass(name: string, formula: Formula, x: Tensor): Forward {
  const { shape, dtype } = x, problem = { count: elements(shape), formula, ...dtypeOf(x) };
  const y = tensor(`${name}/y`, shape, { dtype });
  return {
    ops: [op(mapForward, problem, { label: "forward", reads: [x], writes: [y] })],
    y,
    pullback(dy, { rule, input }) {
      if (!input) return { ops: [], dx: null };
      const dx = tensor(`${name}/dx`, shape, { dtype }), kept = { x, y };
      const reads = [dy, ...readsBack(formula, rule).map((each) => kept[each])];
      return { ops: [op(mapPullback, { ...problem, rule }, { label: "dx", reads, writes: [dx] })], dx };
    },
  };
}
