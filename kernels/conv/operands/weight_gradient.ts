/**
 * A convolution's weight gradient as a matrix product: rows are (ky, kx, ci) in one, columns are output channels, the
 * inner dimension is output pixels. Here is how its operands are declared, located and loaded.
 */
import { type ConvProblem, tapsOf } from "../conv_problem.ts";
import { type Computed, enableDtype } from "../../dtype.ts";
import { operand } from "./operand.ts";
import { axesOf } from "../../per_axis.ts";
import { ceilDiv } from "../../wgsl.ts";

/**
 * The arrays, of which `name` is the input's. Bindings: x, dy, dw [parts, kernel, kernel, in, out], and, where they are
 * wanted, `db`, the sums of dy [parts, out]. A shader that loads f16 as it is says so itself.
 */
export function gradientOperands(p: ConvProblem, name: string, xType: Computed, dyType: Computed) {
  const x = operand(0, name, xType, p.dtype), dy = operand(1, "dy", dyType, p.dtype);
  const sums = dyType === "vec4<f16>" ? "vec4f" : dyType;
  return {
    x: x.load,
    dy: dy.load,
    declarations: `${xType === "vec4<f16>" ? "" : enableDtype(p.dtype)}${x.declaration}
${dy.declaration}
@group(0) @binding(2) var<storage, read_write> dw: array<${sums}>;`,
    db: `@group(0) @binding(3) var<storage, read_write> db: array<${sums}>;`,
  };
}

/** WGSL that finds the tap (`ky`, `kx`, from the image's edge on) and channel `ci` of a row, of `size` for each tap. */
export function locateRow(p: ConvProblem, row: string, size: number, suffix: number): string {
  const [, columns] = axesOf(p.kernel), [top, left] = axesOf(p.padding);
  return `  let ky${suffix} = i32(${row}${suffix} / ${columns * size}u) - ${top};
  let kx${suffix} = i32(${row}${suffix} / ${size}u % ${columns}u) - ${left};
  let ci${suffix} = ${row}${suffix} % ${size}u;`;
}

/**
 * WGSL that finds what vector `suffix` of rows reads for pixel `pixel`, at (n, oy, ox): `inside`, and `at`, its index in
 * x. Outside the image, and past the end of the share, `at` is a valid address of what must not be used. `n` may be
 * declared by `line`.
 */
export function tapOf(
  p: ConvProblem,
  suffix: number,
  pixel: string,
  { oy, ox, n, line = "" }: { readonly oy: string; readonly ox: string; readonly n: string; readonly line?: string },
): string {
  const [down, across] = axesOf(p.stride);
  return `      let y = ${oy} * ${down} + ky${suffix};
      let x = ${ox} * ${across} + kx${suffix};
${line}      let inside = ${pixel} < end && y >= 0 && y < ${p.height} && x >= 0 && x < ${p.width};
      let at = u32(select(0, (${n} * ${p.height} + y) * ${p.width} + x, inside)) * ${p.inChannels / 4}u + ci${suffix};`;
}

/**
 * Tiles of `down` vectors of four rows by `across` vectors of four columns, each in `parts` shares of the pixels, for
 * channels in fours. `locate` is WGSL from the workgroup's index to the tile's first vectors, under the names that are
 * given, its `part`, and the pixels `begin` ... `end - 1` of that.
 */
export function gradientTiles(p: ConvProblem, down: number, across: number, parts: number) {
  const inVectors = p.inChannels / 4, outVectors = p.outChannels / 4, units = tapsOf(p) * inVectors;
  const unitGroups = ceilDiv(units, down), columnGroups = ceilDiv(outVectors, across);
  const pixels = p.batch * p.outHeight * p.outWidth, share = ceilDiv(pixels, parts);
  return {
    ...{ inVectors, outVectors, units, pixels, share, groups: unitGroups * columnGroups * parts },
    locate: (firstVector: string, firstUnit: string) =>
      `  let ${firstVector} = (index % ${columnGroups}u) * ${across}u;
  let ${firstUnit} = (index / ${columnGroups}u) % ${unitGroups}u * ${down}u;
  let part = index / ${columnGroups * unitGroups}u;
  let begin = part * ${share}u;
  let end = min(begin + ${share}u, ${pixels}u);`,
    /** Where the sum of row `row` of vector `unit` and a vector of columns lies in dw. */
    sumAt: (row: string, vector: string) => `((part * ${units}u + unit) * 4u + ${row}) * ${outVectors}u + ${vector}`,
  };
}
