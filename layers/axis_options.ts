/** Options of layers with windows: kernels, strides and padding, for both axes or for each. */
import * as z from "zod";
import { axesOf, type Padding, type PerAxis, perAxis, sized } from "../kernels/per_axis.ts";

/** A number from `least` on for both axes, or two. */
export function perAxisSchema(least: number): z.ZodType<PerAxis, PerAxis> {
  const one = z.int().min(least).max(1024);
  return z.union([one, z.tuple([one, one])]);
}

/**
 * Around an image: "same" is (kernel - 1) / 2 on each side, of an even kernel one more at the end; "valid" is none; a
 * number on all sides; [above and below, left and right]; or each side, 0 where it is not said.
 */
export type PaddingOption = "same" | "valid" | PerAxis | {
  readonly top?: number | undefined;
  readonly left?: number | undefined;
  readonly bottom?: number | undefined;
  readonly right?: number | undefined;
};

const side = z.int().min(0).max(1024).optional();
export const paddingSchema: z.ZodType<PaddingOption, PaddingOption> = z.union([
  z.enum(["same", "valid"]),
  perAxisSchema(0),
  z.strictObject({ top: side, left: side, bottom: side, right: side }),
]);

/** What an option says for a kernel. */
export function paddingOf(padding: PaddingOption, kernel: PerAxis): Padding {
  if (padding === "same") {
    const [y, x] = axesOf(kernel), before = (size: number) => Math.floor((size - 1) / 2);
    return { top: before(y), left: before(x), bottom: y - 1 - before(y), right: x - 1 - before(x) };
  }
  if (padding === "valid") return { top: 0, left: 0, bottom: 0, right: 0 };
  if (typeof padding === "object" && !("length" in padding)) {
    const { top = 0, left = 0, bottom = 0, right = 0 } = padding;
    return { top, left, bottom, right };
  }
  const [y, x] = axesOf(padding);
  return { top: y, left: x, bottom: y, right: x };
}

/** What padding puts before the first row and column. */
export const before = ({ top, left }: Padding): PerAxis => perAxis(top, left);

/** ", stride 2", or nothing for 1. */
export const strideWords = (stride: PerAxis): string =>
  sized(stride) === "1x1" ? "" : `, stride ${typeof stride === "number" ? stride : sized(stride)}`;

/** As ONNX wants it: rows, columns. */
export const ints = (value: PerAxis): { ints: readonly number[] } => ({ ints: axesOf(value) });

/** As PyTorch wants it: "3", "(3, 5)". */
export const torchSize = (value: PerAxis): string => typeof value === "number" ? `${value}` : `(${value.join(", ")})`;

/** As PyTorch's padding modules want it. */
export const torchSides = ({ top, left, bottom, right }: Padding): string => `(${left}, ${right}, ${top}, ${bottom})`;
