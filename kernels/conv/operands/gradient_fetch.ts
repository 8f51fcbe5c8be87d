/**
 * How the threads of a workgroup fetch the operands of a weight gradient, for families that stage them: steps go through
 * the pixels of a share, `depth` at a time. Each thread knows its pixels and where they lie, and counts them on: a
 * division would take longer than the products of a step.
 */
import { type ConvProblem, isPlainProduct } from "../conv_problem.ts";
import { inRounds } from "../families/staged.ts";
import { type gradientOperands, type gradientTiles, locateRow, tapOf } from "./weight_gradient.ts";

export interface GradientTile {
  /** Vectors of four rows, and of four columns. */
  readonly down: number;
  readonly across: number;
  /** Pixels of a step. */
  readonly depth: number;
  readonly threads: number;
  /** WGSL's type of what is staged. */
  readonly vector: string;
}

/** So many threads share the pixels of a step, to sum a column of gradients: as many as there are, and pixels for them. */
export const biasSums = ({ across, depth, threads }: Pick<GradientTile, "across" | "depth" | "threads">): number =>
  Math.max(1, Math.min(depth, Math.floor(threads / across)));

/**
 * WGSL in four parts: `place` goes before the loop, `fetch` loads the step at hand to `next_x0`, `next_x1` ... and
 * `next_d0` ..., one for each round of the threads, and `advance` goes on to the next; past the end of the share what is
 * loaded is 0. `bias` sums the gradients' columns in the workgroups of the first rows, in `biasSums` parts
 * of each share: `staged` is WGSL for vector `column` of pixel `k` in workgroup memory.
 */
export function gradientFetch(
  p: ConvProblem,
  { inVectors, outVectors, units, pixels }: ReturnType<typeof gradientTiles>,
  { x, dy }: Pick<ReturnType<typeof gradientOperands>, "x" | "dy">,
  { down, across, depth, threads, vector }: GradientTile,
) {
  const inputs = depth * down, gradients = depth * across, image = p.outHeight * p.outWidth;
  /** With one tap and no padding, pixels of input and output are the same. */
  const same = isPlainProduct(p);
  const item = (q: number) => `(lane + ${q * threads}u)`;
  const placeInput = (q: number) =>
    `  let unit${q} = min(first_unit + ${item(q)} % ${down}u, ${units - 1}u);
${locateRow(p, "unit", inVectors, q)}
  var pixel${q} = begin + ${item(q)} / ${down}u;
${
      same ? "" : `  var oy${q} = i32(pixel${q} / ${p.outWidth}u % ${p.outHeight}u);
  var ox${q} = i32(pixel${q} % ${p.outWidth}u);
  var n${q} = i32(pixel${q} / ${image}u);
`
    }  var next_x${q}: ${vector};`;
  const placeGradient = (q: number) =>
    `  let item${q} = min(${item(q)}, ${gradients - 1}u);
  let column${q} = min(first_vector + item${q} % ${across}u, ${outVectors - 1}u);
  var row${q} = begin + item${q} / ${across}u;
  var next_d${q}: ${vector};`;
  const fetchInput = (q: number) =>
    same
      ? `    next_x${q} = ${x(`min(pixel${q}, ${pixels - 1}u) * ${inVectors}u + ci${q}`, `pixel${q} < end`)};`
      : `    {
${tapOf(p, q, `pixel${q}`, { oy: `oy${q}`, ox: `ox${q}`, n: `n${q}` })}
      next_x${q} = ${x("at", "inside")};
    }`;
  const fetchGradient = (q: number) =>
    `    next_d${q} = ${dy(`min(row${q}, ${pixels - 1}u) * ${outVectors}u + column${q}`, `row${q} < end`)};`;
  /** `depth` pixels on: images, rows and columns, each with at most one to carry. */
  const count = (q: number) =>
    `      ox${q} += ${depth % p.outWidth};
      oy${q} += ${Math.floor(depth / p.outWidth) % p.outHeight} + select(0, 1, ox${q} >= ${p.outWidth});
      ox${q} -= select(0, ${p.outWidth}, ox${q} >= ${p.outWidth});
      n${q} += ${Math.floor(depth / image)} + select(0, 1, oy${q} >= ${p.outHeight});
      oy${q} -= select(0, ${p.outHeight}, oy${q} >= ${p.outHeight});`;
  const sums = biasSums({ across, depth, threads });
  const eachBias = (line: (b: number) => string) => inRounds(across * sums, threads, line);
  const isFirst = (b: number) => `first_unit == 0u && ${item(b)} < ${across * sums}u`;
  return {
    place: `${inRounds(inputs, threads, placeInput)}\n${inRounds(gradients, threads, placeGradient)}`,
    fetch: `${inRounds(inputs, threads, fetchInput)}\n${inRounds(gradients, threads, fetchGradient)}`,
    advance: `${inRounds(inputs, threads, (q) => `      pixel${q} += ${depth}u;${same ? "" : `\n${count(q)}`}`)}\n${
      inRounds(gradients, threads, (q) => `    row${q} += ${depth}u;`)
    }`,
    bias: {
      declare: eachBias((b) => `  var db${b} = vec4f();`),
      sum: (staged: (k: string, column: string) => string) =>
        eachBias((b) =>
          `    if (${isFirst(b)}) {
      for (var k = ${item(b)} / ${across}u; k < ${depth}u; k += ${sums}u) {
        db${b} += ${staged("k", `${item(b)} % ${across}u`)};
      }
    }`
        ),
      store: eachBias((b) => {
        const column = `first_vector + ${item(b)} % ${across}u`, at = `part * ${sums}u + ${item(b)} / ${across}u`;
        return `  if (${
          isFirst(b)
        } && ${column} < ${outVectors}u) { db[(${at}) * ${outVectors}u + ${column}] = db${b}; }`;
      }),
    },
  };
}
