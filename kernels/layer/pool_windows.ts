/**
 * The windows of pooling: that of output (oy, ox) holds the inputs oy*stride + ky - top, ox*stride + kx - left, for the
 * taps (ky, kx) of the kernel, as far as they lie in the image. Here is WGSL that walks over a window, and over the windows
 * that an input lies in. Numbers are u32 and may wrap around below 0 in between.
 */
import { axesOf, NO_PADDING, type Padding, type PerAxis } from "../per_axis.ts";
import type { FloatType } from "../dtype.ts";
import { ceilDiv } from "../wgsl.ts";

/** Windows over a batch of images. */
export interface PoolWindows {
  /** Images. */
  readonly batch: number;
  /** Rows of x. */
  readonly height: number;
  /** Columns of x. */
  readonly width: number;
  /** Channels. */
  readonly channels: number;
  /** Height and width of a window: a number, or where they differ both. */
  readonly kernel: PerAxis;
  /** Rows and columns from one window to the next: a number, or where they differ both. */
  readonly stride: PerAxis;
  /** Rows and columns around the image, less than the kernel's, which hold nothing. Absent: none. */
  readonly padding?: Padding;
  /** Is a last window left out that does not fit? Absent: it is clipped at the border. */
  readonly rounding?: "down";
  /** Of x, y and their gradients. */
  readonly dtype?: FloatType;
}

/** What lies before and after the inputs of an axis, and whether the size is rounded up, as it is if nothing is said. */
export interface PoolEnds {
  /** Places before the first input. */
  readonly before: number;
  /** Places behind the last. */
  readonly after: number;
  /** "up" clips a last window that does not fit, "down" leaves it out. */
  readonly rounding: "up" | "down";
}

/**
 * Rows or columns after pooling. Rounded up, as in Caffe and PyTorch, the last window still starts inside the input or
 * before it. Rounded down there may be none: 0 or less.
 */
export function pooledSize(
  size: number,
  kernel: number,
  stride: number,
  { before, after, rounding }: PoolEnds = { before: 0, after: 0, rounding: "up" },
): number {
  const rest = size + before + after - kernel;
  if (rounding === "down") return Math.floor(rest / stride) + 1;
  const rounded = Math.max(ceilDiv(rest, stride), 0) + 1;
  return (rounded - 1) * stride >= size + before ? rounded - 1 : rounded;
}

interface PoolAxis {
  readonly size: number;
  readonly kernel: number;
  readonly stride: number;
  readonly before: number;
  /** Outputs. */
  readonly out: number;
}

/** Both axes, and the elements of x and y. */
export function poolAxes(p: PoolWindows) {
  const { padding = NO_PADDING, rounding = "up" } = p, kernels = axesOf(p.kernel), strides = axesOf(p.stride);
  const axis = (at: 0 | 1, size: number, before: number, after: number): PoolAxis => {
    const kernel = kernels[at], stride = strides[at];
    return { size, kernel, stride, before, out: pooledSize(size, kernel, stride, { before, after, rounding }) };
  };
  const y = axis(0, p.height, padding.top, padding.bottom), x = axis(1, p.width, padding.left, padding.right);
  return {
    ...{ y, x, inputs: p.batch * p.height * p.width * p.channels },
    outputs: p.batch * y.out * x.out * p.channels,
  };
}

/** Where the window of output `o` starts, and its first tap in the image, and the first behind it: u32 expressions. */
const startOf = ({ stride, before }: PoolAxis, o: string) => `${o} * ${stride}u${before === 0 ? "" : ` - ${before}u`}`;
const firstOf = ({ stride, before }: PoolAxis, o: string) => `max(${before}u, ${o} * ${stride}u) - ${o} * ${stride}u`;
const endOf = ({ size, kernel, stride, before }: PoolAxis, o: string) =>
  `min(${kernel}u, ${size + before}u - ${o} * ${stride}u)`;

/** WGSL around a walk over the window of the `i`-th output: what comes before it, the loops, and the input of a tap. */
export function overWindow(p: PoolWindows) {
  const { y, x } = poolAxes(p),
    { channels } = p,
    first = (axis: PoolAxis, name: string) => axis.before === 0 ? "0u" : name;
  const firstY = first(y, "first_y"), firstX = first(x, "first_x");
  const declared = (axis: PoolAxis, name: string, o: string) =>
    axis.before === 0 ? "" : `\n  let ${name} = ${firstOf(axis, o)};`;
  const input = (ky: string, kx: string) =>
    ky === "0u" && kx === "0u" ? "x[corner]" : `x[corner + (${ky} * ${p.width}u + ${kx}) * ${channels}u]`;
  return {
    locate: `  let c = i % ${channels}u;
  let ox = (i / ${channels}u) % ${x.out}u;
  let oy = (i / ${channels * x.out}u) % ${y.out}u;
  let n = i / ${channels * x.out * y.out}u;
  let rows = ${endOf(y, "oy")};
  let columns = ${endOf(x, "ox")};${declared(y, "first_y", "oy")}${declared(x, "first_x", "ox")}
  let corner = ((n * ${p.height}u + ${startOf(y, "oy")}) * ${p.width}u + ${startOf(x, "ox")}) * ${channels}u + c;`,
    /** The first tap in the image. */
    first: { input: input(firstY, firstX), y: firstY, x: firstX },
    each: (body: string) =>
      `  for (var ky = ${firstY}; ky < rows; ky++) {
    for (var kx = ${firstX}; kx < columns; kx++) {
      ${body}
    }
  }`,
    input: input("ky", "kx"),
    /** Taps in the image, as a number. */
    count: `f32((rows - ${firstY}) * (columns - ${firstX}))`,
  };
}

/**
 * WGSL that walks over the windows of all outputs that the `i`-th input lies in, and adds to `sum`; `body` knows an output
 * by `o`, at (oy, ox), and may ask for the tap by which it reads the input, and for how many inputs its window holds.
 */
export function overOutputs(
  p: PoolWindows,
  body: (at: { readonly tap: string; readonly rows: string; readonly columns: string }) => string,
): string {
  const { y, x } = poolAxes(p), { channels } = p;
  const place = ({ before }: PoolAxis, at: string) => before === 0 ? at : `(${at} + ${before}u)`;
  const from = (axis: PoolAxis, at: string) => {
    const input = place(axis, at), reach = axis.kernel - axis.stride; // windows that start this far before still hold it
    return reach < 0 ? `${input} / ${axis.stride}u` : `(max(${input}, ${reach}u) - ${reach}u) / ${axis.stride}u`;
  };
  const loop = (axis: PoolAxis, o: string, at: string) =>
    `for (var ${o} = ${from(axis, at)}; ${o} < min(${place(axis, at)} / ${axis.stride}u + 1u, ${axis.out}u); ${o}++) {`;
  const tap = (axis: PoolAxis, o: string, at: string) => `${place(axis, at)} - ${o} * ${axis.stride}u`;
  const held = (axis: PoolAxis, o: string) =>
    axis.before === 0 ? endOf(axis, o) : `(${endOf(axis, o)} - (${firstOf(axis, o)}))`;
  const at = {
    tap: `(${tap(y, "oy", "h")}) * ${x.kernel}u + ${tap(x, "ox", "w")}`,
    ...{ rows: held(y, "oy"), columns: held(x, "ox") },
  };
  return `  let c = i % ${channels}u;
  let w = (i / ${channels}u) % ${p.width}u;
  let h = (i / ${channels * p.width}u) % ${p.height}u;
  let n = i / ${channels * p.width * p.height}u;
  var sum = 0.0;
  ${loop(y, "oy", "h")}
    ${loop(x, "ox", "w")}
      let o = ((n * ${y.out}u + oy) * ${x.out}u + ox) * ${channels}u + c;
      if (${tap(y, "oy", "h")} < ${y.kernel}u && ${tap(x, "ox", "w")} < ${x.kernel}u) {
        ${body(at)}
      }
    }
  }`;
}
