/** What kinds of pooling have in common: options, shapes, and windows as ONNX and PyTorch have them. */
import type * as z from "zod";
import { axesOf, isNone, type Padding, type PerAxis, sized } from "../kernels/per_axis.ts";
import { poolAxes, type PoolWindows } from "../kernels/layer/pool_windows.ts";
import { UserError } from "../core/host/errors.ts";
import { dtypeOf, type Shape, type Tensor } from "../core/graph/tensor.ts";
import { before, ints, paddingOf, type PaddingOption, paddingSchema, perAxisSchema } from "./axis_options.ts";

/** The windows of a pooling. */
export interface PoolOptions {
  /** Height and width of the window: a number, or [height, width]. */
  readonly kernel: PerAxis;
  /** Rows and columns from one window to the next: a number, or [rows, columns]. */
  readonly stride: PerAxis;
  /** Rows and columns around the image, which hold nothing: less than the kernel has. */
  readonly padding: PaddingOption;
}

export const poolShape = {
  kernel: perAxisSchema(1).describe("Height and width of the window: a number, or both"),
  stride: perAxisSchema(1).describe("Rows and columns from one window to the next: a number, or both"),
  padding: paddingSchema.default("valid").describe("Rows and columns around the image, which hold nothing"),
} satisfies z.core.$ZodShape;

/** `action` is "Cannot apply max pooling "pool1"". Throws `UserError` where a shape has no windows. */
export function poolWindows(
  action: string,
  { kernel, stride, padding, rounding }: PoolOptions & { readonly rounding: "up" | "down" },
  { shape, dtype }: Pick<Tensor, "shape" | "dtype">,
): { readonly windows: PoolWindows; readonly output: Shape } {
  const around = paddingOf(padding, kernel),
    [batch, height, width, channels] = shape as [number, number, number, number];
  const on = `${action} to [${shape.join(", ")}]`;
  if (shape.length !== 4) throw new UserError(`${on}: it needs a feature map`);
  const windows: PoolWindows = {
    ...{ batch, height, width, channels, kernel, stride },
    ...(isNone(around) ? {} : { padding: around }),
    ...(rounding === "down" ? { rounding } : {}),
    ...dtypeOf({ dtype }),
  };
  const { y, x } = poolAxes(windows);
  if (Math.min(y.out, x.out) < 1) throw new UserError(`${on}: a window of ${sized(kernel)} does not fit`);
  return { windows, output: [batch, y.out, x.out, channels] };
}

/** Throws `UserError` where a window could hold nothing but padding. */
export function checkPoolPadding(action: string, { kernel, padding }: PoolOptions): void {
  const { top, left, bottom, right } = paddingOf(padding, kernel),
    [rows, columns] = axesOf(kernel);
  if (Math.max(top, bottom) < rows && Math.max(left, right) < columns) return;
  throw new UserError(
    `${action}: its padding must be less than its kernel ${sized(kernel)}, or a window holds nothing`,
  );
}

/**
 * The padding with which all windows fit exactly: at the end as much as the last window reaches beyond the input, which is
 * less or more than what was asked for. Runtimes disagree on windows that do not fit.
 */
export function exactPadding(windows: PoolWindows): Padding {
  const { y, x } = poolAxes(windows);
  const after = ({ out, stride, kernel, before, size }: typeof y) =>
    Math.max(0, (out - 1) * stride + kernel - before - size);
  return { top: y.before, left: x.before, bottom: after(y), right: after(x) };
}

/** Attributes of ONNX's poolings. */
export function onnxWindows(windows: PoolWindows) {
  const { top, left, bottom, right } = exactPadding(windows);
  return {
    kernel_shape: ints(windows.kernel),
    strides: ints(windows.stride),
    pads: { ints: [top, left, bottom, right] },
  };
}

/** The padding that is the same on opposite sides, as PyTorch's poolings have it, up to half of the kernel; else null. */
export function evenPadding(windows: PoolWindows): PerAxis | null {
  const { padding } = windows, { y, x } = poolAxes(windows);
  if (padding === undefined) return 0;
  const { top, left, bottom, right } = padding;
  const fits = top === bottom && left === right && 2 * top <= y.kernel && 2 * left <= x.kernel;
  return fits ? before(padding) : null;
}
