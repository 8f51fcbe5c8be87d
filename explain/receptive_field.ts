/** Receptive fields: which part of the image a unit of a layer sees, computed from the windows of the layers. */
import type { Layer, Window } from "../core/graph/layer.ts";
import { axesOf, type PerAxis, perAxis } from "../kernels/per_axis.ts";
import { type LayerNode, layerTree } from "../layers/tree.ts";
import type { ImageShape } from "../data/dataset.ts";
import { upTo } from "./layer_of.ts";

/** A rectangle of pixels; parts of it may lie outside of the image, where a unit sees padding. */
export interface Rectangle {
  /** The first row; negative where it lies above the image. */
  readonly top: number;
  /** The first column; negative where it lies left of the image. */
  readonly left: number;
  /** Rows. */
  readonly height: number;
  /** Columns. */
  readonly width: number;
}

/**
 * Of the first unit; the unit at [y, x] sees the same rectangle y * stride rows and x * stride columns further on. A stride
 * is two numbers, [rows, columns], where they differ.
 */
export interface ReceptiveField extends Rectangle {
  /** Pixels from one unit to the next. */
  readonly stride: PerAxis;
}

/** Along one axis: the first pixel that the first unit sees, how many it sees, and the step to the next unit's. */
interface Extent {
  readonly start: number;
  readonly size: number;
  readonly step: number;
}

/** Through a window of `k` positions. */
const through = ({ start, size, step }: Extent, k: number, stride: number, before: number): Extent => ({
  start: start - before * step,
  size: size + (k - 1) * step,
  step: step * stride,
});

/** The windows of the layers that hold no others, in order. */
function windowsOf({ layer, input, inner }: LayerNode): Window[] {
  return inner.length > 0 ? inner.flatMap(windowsOf) : [layer.window?.(input) ?? []].flat();
}

/**
 * What the units of the layer `name` see of an image. A window of k positions, s apart, over units that see r pixels
 * and are j pixels apart sees r + (k - 1) * j pixels, and its neighbours are s * j pixels apart. Throws `UserError`
 * where there is no such layer.
 *
 * @example
 * ```ts
 * const { name, network } = await loadConfig("allcnn-c");
 * const field = receptiveField(buildNetwork(name, network), [32, 32, 3], "conv4");
 * console.log(field); // { top: -5, left: -5, height: 11, width: 11, stride: 2 }
 * ```
 */
export function receptiveField(network: Layer, input: ImageShape, name: string): ReceptiveField {
  const one: Extent = { start: 0, size: 1, step: 1 };
  const [y, x] = windowsOf(layerTree(upTo(network, name), [1, ...input])).reduce(([y, x], window) => {
    const strides = axesOf(window.stride), before = axesOf(window.before);
    return [through(y, window.height, strides[0], before[0]), through(x, window.width, strides[1], before[1])] as const;
  }, [one, one] as const);
  return { top: y.start, left: x.start, height: y.size, width: x.size, stride: perAxis(y.step, x.step) };
}

/** The rectangle that the unit at `position` [y, x] sees. */
export function fieldAt({ stride, ...first }: ReceptiveField, [y, x]: readonly [number, number]): Rectangle {
  const [down, across] = axesOf(stride);
  return { ...first, top: first.top + y * down, left: first.left + x * across };
}

/** The part of a rectangle that lies in the image. */
export function clip({ top, left, height, width }: Rectangle, [rows, columns]: ImageShape): Rectangle {
  const y = Math.max(0, top), x = Math.max(0, left);
  return { top: y, left: x, height: Math.min(rows, top + height) - y, width: Math.min(columns, left + width) - x };
}
