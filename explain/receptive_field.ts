/** Receptive fields: which part of the image a unit of a layer sees, computed from the windows of the layers. */
import type { Layer, Window } from "../core/graph/layer.ts";
import { type LayerNode, layerTree } from "../layers/tree.ts";
import type { ImageShape } from "../data/dataset.ts";
import { upTo } from "./layer_of.ts";

/** A rectangle of pixels; parts of it may lie outside of the image, where a unit sees padding. */
export interface Rectangle {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/** Of the first unit; the unit at [y, x] sees the same rectangle y * stride rows and x * stride columns further on. */
export interface ReceptiveField extends Rectangle {
  readonly stride: number;
}

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
  return windowsOf(layerTree(upTo(network, name), [1, ...input])).reduce(
    ({ top, left, height, width, stride }, window) => ({
      top: top - window.before * stride,
      left: left - window.before * stride,
      height: height + (window.height - 1) * stride,
      width: width + (window.width - 1) * stride,
      stride: stride * window.stride,
    }),
    { top: 0, left: 0, height: 1, width: 1, stride: 1 },
  );
}

/** The rectangle that the unit at `position` [y, x] sees. */
export function fieldAt({ stride, ...first }: ReceptiveField, [y, x]: readonly [number, number]): Rectangle {
  return { ...first, top: first.top + y * stride, left: first.left + x * stride };
}

/** The part of a rectangle that lies in the image. */
export function clip({ top, left, height, width }: Rectangle, [rows, columns]: ImageShape): Rectangle {
  const y = Math.max(0, top), x = Math.max(0, left);
  return { top: y, left: x, height: Math.min(rows, top + height) - y, width: Math.min(columns, left + width) - x };
}
