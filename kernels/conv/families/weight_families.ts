/** The families of the weight gradient's matrix products, each of `parts` shares. */
import type { ConvProblem } from "../conv_problem.ts";
import type { Shader } from "../../kernel.ts";
import { weightBroadcastShader, type WeightBroadcastTuning } from "./weight_broadcast.ts";
import { weightDirectShader, type WeightDirectTuning } from "./weight_direct.ts";
import { weightMatrixShader, type WeightMatrixTuning } from "./weight_matrix.ts";
import { weightTiledShader, type WeightTiledTuning } from "./weight_tiled.ts";

export type WeightProductTuning = WeightDirectTuning | WeightBroadcastTuning | WeightTiledTuning | WeightMatrixTuning;

/** Does the family sum dy's columns on the way? */
export const sumsBias = ({ family }: WeightProductTuning): boolean => family !== "direct";

/** Bindings: x, dy, output [parts, kernel, kernel, in, out], and with `bias` the sums of dy [parts, out]. */
export function weightProductShader(p: ConvProblem, tuning: WeightProductTuning, bias: boolean): Shader {
  if (tuning.family === "direct") return weightDirectShader(p, tuning);
  if (tuning.family === "broadcast") return weightBroadcastShader(p, tuning, bias);
  if (tuning.family === "tiled") return weightTiledShader(p, tuning, bias);
  if (tuning.family === "matrix") return weightMatrixShader(p, tuning, bias);
  return tuning satisfies never;
}
