/** What a layer makes of an image: the outputs of all its units. */
import { compile } from "../core/device/plan.ts";
import { runAndRead } from "../core/device/run_plans.ts";
import { writeTensor } from "../core/device/transfer.ts";
import { valuesOf } from "../core/graph/program.ts";
import { elements, tensor } from "../core/graph/tensor.ts";
import { checkImages } from "../data/check_dataset.ts";
import { type Model, withOwnBuffers } from "../training/model.ts";
import { upTo } from "./layer_of.ts";

/** The outputs of a layer for one image. */
export interface FeatureMaps {
  /** Positions from top to bottom. */
  readonly height: number;
  /** Positions from left to right. */
  readonly width: number;
  /** Units. */
  readonly channels: number;
  /** [height, width, channels], dropout off. */
  readonly values: Float32Array;
}

/**
 * The feature maps of a layer, by name, for each of the preprocessed images. Throws `UserError` where there is no such
 * layer, or the images are not of the network's shape.
 *
 * @example
 * ```ts
 * const model = await openModel(device, await loadConfig("quickstart"), { seed: 1 });
 * const image = await preprocess(model, generateShapes(1, "test", 1).images);
 * const [maps] = await featureMaps(model, image, "conv2");
 * console.log(maps!.height, maps!.width, maps!.channels); // 16 16 32
 * ```
 */
export async function featureMaps(model: Model, images: Float32Array, layer: string): Promise<FeatureMaps[]> {
  const size = elements(model.input), below = upTo(model.network, layer);
  checkImages(images, model.input, "the images to look at");
  return await withOwnBuffers(model, async (own) => {
    const { context, buffers, tuner } = own, x = tensor("x", [1, ...own.input], { lifetime: "persistent" });
    const { ops, y } = below.forward(valuesOf(own), x, { mode: "eval", step: own.step, path: "" });
    const plan = await compile(context, { ops, keep: [y] }, tuner, buffers), found: FeatureMaps[] = [];
    const [, height = 1, width = 1, channels = 1] = y.shape;
    try {
      for (let first = 0; first < images.length; first += size) {
        await writeTensor(context, buffers, x, images.slice(first, first + size));
        const [bytes] = await runAndRead(context, plan, [y]);
        found.push({ height, width, channels, values: new Float32Array(bytes!) });
      }
      return found;
    } finally {
      plan.destroy();
    }
  });
}
