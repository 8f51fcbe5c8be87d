/** A convolution by one shader of a family for each product; a weight gradient's shares are then added. */
import { type ConvProblem, flattened, tapsOf } from "./conv_problem.ts";
import { copySeconds } from "./estimate.ts";
import type { Channels, ConvTuning, Family, WeightTuning } from "./families/family.ts";
import type { Method } from "./method.ts";
import type { PixelProduct } from "./operands/pixel_product.ts";
import { transposeWeights } from "./operands/transpose_weights.ts";
import { addAll, addBias, biasShares, NO_BIAS, sumRowShares } from "./shares.ts";
import { arrayBytes } from "../dtype.ts";
import { type Limits, read, scratch, type Stage, write } from "../kernel.ts";

const productChannels = ({ input, output, dtype = "f32" }: PixelProduct): Channels => ({
  input: input.channels,
  output: output.channels,
  dtype,
});

/** All tunings of a family for one of `splits` shares. */
export function weightCandidates(family: Family, p: ConvProblem, splits: readonly number[], limits: Limits) {
  const channels = { input: p.inChannels, output: p.outChannels, dtype: p.dtype ?? "f32" };
  return splits.flatMap((parts) => family.weight.candidates(channels, parts, limits));
}

/** Seconds of the shares of a weight gradient and of adding them, to `count` sums of each element. */
export function shareSeconds(family: Family, p: ConvProblem, tuning: WeightTuning, count: number, limits: Limits) {
  const rows = tapsOf(p) * p.inChannels, columns = p.outChannels, { parts } = tuning;
  const shape = { count: parts, rows, columns, inner: p.batch * p.outHeight * p.outWidth / parts };
  return family.weight.seconds(shape, tuning, limits) + copySeconds(rows * columns * (2 * parts + count), limits);
}

export function plainMethod(family: Family): Method<ConvTuning, WeightTuning> {
  const { key, proven, product, weight } = family;
  return {
    key,
    proven,
    product: {
      candidates: (g, limits) => product.candidates(productChannels(g), limits),
      stages(products, tuning, { input, weights, transposed, epilogue, output }) {
        const [first] = products, { input: { channels: inner }, output: { channels: columns }, dtype } = first!;
        const bindings = [input, transposed ? scratch(0) : weights, ...epilogue, output];
        const dispatches = products.map((g): Stage => ({ shader: product.shader(g, tuning), bindings }));
        if (!transposed) return { scratch: [], dispatches };
        const slices = tapsOf(first!), shader = transposeWeights(slices, inner, columns, dtype);
        return {
          scratch: [arrayBytes(slices * inner * columns, dtype)],
          dispatches: [{ shader, bindings: [weights, scratch(0)] }, ...dispatches],
        };
      },
      seconds(g, tuning, limits) {
        const rows = g.batch * g.y.count * g.x.count, inner = g.y.taps * g.x.taps * g.input.channels;
        return product.seconds({ count: 1, rows, columns: g.output.channels, inner }, tuning, limits);
      },
    },
    weight: {
      candidates: (p, splits, limits) => weightCandidates(family, p, splits, limits),
      stages(problem, tuning) {
        // A flattened image has only one row to divide.
        const p = weight.divides === "rows" ? problem : flattened(problem), { parts } = tuning;
        const count = tapsOf(p) * p.inChannels * p.outChannels, rows = p.batch * p.outHeight * p.outWidth;
        const sums = weight.biasSums(tuning), along = p.bias && sums > 0;
        const biasParts = along ? parts * sums : biasShares(rows);
        const bias = p.bias ? addBias(count, p.outChannels, biasParts) : NO_BIAS;
        const apart = sumRowShares({ first: 0, rows, columns: p.outChannels, dtype: p.dtype }, biasParts);
        return {
          scratch: [4 * count * parts, ...(p.bias ? [4 * biasParts * p.outChannels] : [])],
          dispatches: [
            {
              shader: weight.shader(p, tuning, along),
              bindings: [read(0), read(1), scratch(0), ...(along ? [scratch(1)] : [])],
            },
            ...(p.bias && !along ? [{ shader: apart, bindings: [read(1), scratch(1)] }] : []),
            {
              shader: addAll(count, parts, bias),
              bindings: [scratch(0), write(0), ...(p.bias ? [scratch(1), write(1)] : [])],
            },
          ],
        };
      },
      seconds: (p, tuning, limits) => shareSeconds(family, p, tuning, 1, limits),
    },
  };
}
