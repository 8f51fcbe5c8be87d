/** Which ops a command is about: those of a config or of one convolution, and of these the ones that a pattern names. */
import { UserError } from "../core/host/errors.ts";
import type { Op } from "../core/graph/op.ts";
import type { Option } from "./arguments.ts";
import { CONV_SHAPE } from "./conv_ops.ts";

export const OP_OPTIONS: readonly Option[] = [
  { name: "conv", value: CONV_SHAPE, help: "one convolution instead of a config: 128,32,32,96,96,3,1,1" },
  { name: "only", value: "PATTERN", help: "ops whose label matches this regular expression, as conv2 or /dw" },
];

/** The ops whose label matches `--only`. Throws `UserError` where that is no pattern, or none matches. */
export function selectOps(ops: readonly Op[], pattern: string | null): readonly Op[] {
  if (pattern === null) return ops;
  let expression: RegExp;
  try {
    expression = new RegExp(pattern);
  } catch (error) {
    throw new UserError(`--only expects a regular expression, got "${pattern}": ${(error as Error).message}`);
  }
  const matching = ops.filter(({ label }) => expression.test(label));
  if (matching.length > 0) return matching;
  throw new UserError(`--only ${pattern} matches no op; there are ${ops.map(({ label }) => label).join(", ")}`);
}
