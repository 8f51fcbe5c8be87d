/**
 * The gradients of a convolution's weights and bias:
 *
 *   dw[ky,kx,ci,co] = sum over n,oy,ox of x[n, oy*s + ky - p, ox*s + kx - p, ci] * dy[n,oy,ox,co]
 *   db[co]          = sum over n,oy,ox of dy[n,oy,ox,co]
 *
 * Split-K: `parts` shares of the sums over pixels go to scratch, then one dispatch adds them in a fixed order, so the
 * result is deterministic. The tuning is a family of weight_families.ts, or Winograd around one.
 */
import { convCost, type ConvProblem, flattened } from "./conv_problem.ts";
import { elementBytes } from "../dtype.ts";
import { type Kernel, read, scratch, type Shader, type Stage, type Stages, write } from "../kernel.ts";
import { addShares, sumRowShares } from "./sum_rows.ts";
import { sumsBias, weightProductShader } from "./families/weight_families.ts";
import { type ConvBackwardWeightTuning, weightTunings } from "./families/weight_tunings.ts";
import { firstSumRow, productProblem, weightTiles } from "./winograd/weight_winograd.ts";
import { ceilDiv, elementwise } from "../wgsl.ts";
import { products } from "./winograd/winograd.ts";
import { transformTiles, transformWeightGradient } from "./winograd/winograd_transforms.ts";

export interface ConvBackwardWeightProblem extends ConvProblem {
  /** Is the bias gradient wanted too? */
  readonly bias: boolean;
}

/** Shares of the sum over `rows` of dy, where no product sums them on the way: enough threads, but few to add. */
const biasShares = (rows: number) => Math.min(512, ceilDiv(rows, 128));

/** The body of `columns` threads after the first `first`: each adds the shares of one bias gradient. */
function addBias(binding: number, first: number, columns: number, parts: number) {
  return {
    threads: columns,
    declarations: `@group(0) @binding(${binding}) var<storage, read> bias_shares: array<f32>;
@group(0) @binding(${binding + 1}) var<storage, read_write> db: array<f32>;`,
    body: `  if (i >= ${first}u) {
${addShares("bias_shares", columns, parts, `i - ${first}u`)}
    db[i - ${first}u] = sum;
    return;
  }`,
  };
}

const NO_BIAS = { threads: 0, declarations: "", body: "" };

/** Adds the shares of dw, and of db. */
function addAll(count: number, parts: number, bias: typeof NO_BIAS): Shader {
  return elementwise(
    count + bias.threads,
    `@group(0) @binding(0) var<storage, read> shares: array<f32>;
@group(0) @binding(1) var<storage, read_write> dw: array<f32>;
${bias.declarations}`,
    `${bias.body}
${addShares("shares", count, parts, "i")}
  dw[i] = sum;`,
  );
}

function winogradStages(
  p: ConvBackwardWeightProblem,
  { tile, product }: ConvBackwardWeightTuning & { family: "winograd" },
): Stages {
  const { x, dy, tiles } = weightTiles(p, tile), count = products(tile), split = product.parts / count;
  const pairs = p.inChannels * p.outChannels, biasParts = biasShares(tiles);
  const rows = { first: firstSumRow(tile, tiles), rows: tiles, columns: p.outChannels };
  const shader = weightProductShader(productProblem(p, tile, tiles, split), product, false);
  const bias = p.bias ? addBias(2, pairs, p.outChannels, biasParts) : NO_BIAS;
  const sums: Stage[] = p.bias ? [{ shader: sumRowShares(rows, biasParts), bindings: [scratch(1), scratch(3)] }] : [];
  return {
    scratch: [
      4 * count * tiles * p.inChannels,
      4 * count * tiles * p.outChannels,
      4 * product.parts * pairs,
      ...(p.bias ? [4 * biasParts * p.outChannels] : []),
    ],
    dispatches: [
      { shader: transformTiles(x, tile, "input", p.dtype), bindings: [read(0), scratch(0)] },
      { shader: transformTiles(dy, tile, "gradient", p.dtype), bindings: [read(1), scratch(1)] },
      { shader, bindings: [scratch(0), scratch(1), scratch(2)] },
      ...sums,
      {
        shader: transformWeightGradient(pairs, tile, split, bias),
        bindings: [scratch(2), write(0), ...(p.bias ? [scratch(3), write(1)] : [])],
      },
    ],
  };
}

/** Reads x [batch, height, width, in] and dy [batch, outHeight, outWidth, out]; writes dw and, with `bias`, db [out]. */
export const convBackwardWeight: Kernel<ConvBackwardWeightProblem, ConvBackwardWeightTuning> = {
  name: "conv_backward_weight",
  tunings: weightTunings,
  reference: ({ batch, outHeight }) => ({
    family: "direct",
    rows: 1,
    vectors: 1,
    lanes: 8,
    parts: Math.min(16, batch * outHeight),
  }),
  stages(problem, tuning) {
    if (tuning.family === "winograd") return winogradStages(problem, tuning);
    // The direct family splits rows of pixels, of which a flattened image has only one.
    const p = tuning.family === "direct" ? problem : flattened(problem), { parts } = tuning;
    const count = p.kernel ** 2 * p.inChannels * p.outChannels;
    const along = problem.bias && sumsBias(tuning), rows = p.batch * p.outHeight * p.outWidth;
    const biasParts = along ? parts : biasShares(rows);
    const shares = weightProductShader(p, tuning, along);
    const sums: Stage[] = problem.bias && !along
      ? [{
        shader: sumRowShares({ first: 0, rows, columns: p.outChannels, dtype: p.dtype }, biasParts),
        bindings: [read(1), scratch(1)],
      }]
      : [];
    const bias = problem.bias ? addBias(2, count, p.outChannels, biasParts) : NO_BIAS;
    return {
      scratch: [4 * count * parts, ...(problem.bias ? [4 * biasParts * p.outChannels] : [])],
      dispatches: [
        { shader: shares, bindings: [read(0), read(1), scratch(0), ...(along ? [scratch(1)] : [])] },
        ...sums,
        {
          shader: addAll(count, parts, bias),
          bindings: [scratch(0), write(0), ...(problem.bias ? [scratch(1), write(1)] : [])],
        },
      ],
    };
  },
  cost(p) {
    const cost = convCost(p), count = p.kernel ** 2 * p.inChannels * p.outChannels;
    return { ...cost, bytes: cost.bytes + (4 - elementBytes(p.dtype)) * count }; // dw is f32
  },
};
