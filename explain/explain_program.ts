/** Forward to a layer, one unit of it, and back to the pixels, as one program. */
import type { Layer, Params, Rule } from "../core/graph/layer.ts";
import { op } from "../core/graph/op.ts";
import type { Program } from "../core/graph/program.ts";
import { elements, type Tensor, tensor } from "../core/graph/tensor.ts";
import { chooseUnit, unitMaxima, type UnitProblem, unitSignal } from "../kernels/explain/unit_signal.ts";

export interface ExplainProgram extends Program {
  /** u32 [batch, 2], written before each run: unit and position, or MOST_ACTIVE. */
  readonly choice: Tensor;
  /** What comes out: u32 [batch, 2] unit and position, f32 [batch] its activation, and the signal at x. */
  readonly results: readonly [chosen: Tensor, activations: Tensor, dx: Tensor];
  readonly problem: UnitProblem;
  /** Columns of the layer's output. */
  readonly width: number;
}

/** `network` ends with the layer that is looked into; x [batch, height, width, channels]. Pure. */
export function explainProgram(
  network: Layer,
  { params, step, x }: { readonly params: Params; readonly step: Tensor; readonly x: Tensor },
  how: { readonly rule: Rule; readonly switches: boolean },
): ExplainProgram {
  const { ops, y, pullback } = network.forward(params, x, { mode: "eval", step, path: "" });
  const batch = y.shape[0]!, channels = y.shape.at(-1)!, width = y.shape.length === 4 ? y.shape[2]! : 1;
  const problem: UnitProblem = { batch, channels, positions: elements(y.shape) / batch / channels };
  const u32 = { dtype: "u32" } as const, pairs = [batch, 2], each = [batch, channels];
  const choice = tensor("choice", pairs, { ...u32, lifetime: "persistent" }), chosen = tensor("chosen", pairs, u32);
  const values = tensor("values", each), positions = tensor("positions", each, u32);
  const activations = tensor("activations", [batch]), dy = tensor("dy", y.shape);
  const back = pullback(dy, { ...how, grads: null, input: true });
  const start = [
    op(unitMaxima, problem, { label: "maxima", reads: [y], writes: [values, positions] }),
    op(chooseUnit, problem, {
      label: "choose",
      reads: [y, values, positions, choice],
      writes: [chosen, activations],
    }),
    op(unitSignal, problem, { label: "signal", reads: [chosen], writes: [dy] }),
  ];
  const results = [chosen, activations, back.dx!] as const;
  return { ops: [...ops, ...start, ...back.ops], keep: results, choice, results, problem, width };
}
