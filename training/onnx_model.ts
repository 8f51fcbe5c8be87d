/** Networks that other programs wrote as ONNX, as models. */
import type { Context } from "../core/device/device.ts";
import { type OnnxNetwork, onnxNetwork, type OnnxOptions } from "../export/onnx_config.ts";
import { buildNetwork } from "../layers/network_config.ts";
import { select } from "./checkpoint.ts";
import type { Definition } from "./definition.ts";
import { type Model, type ModelOptions, placeModel } from "./model.ts";

/** What a network is of, where it has no config. */
export const codedOf = ({ name, layers, image }: OnnxNetwork): Definition => ({
  network: buildNetwork(name, layers),
  input: image,
});

/**
 * The network in the bytes of an ONNX file as a model: of convolutions, pooling, batch normalization, residuals,
 * activations and dense layers. What the file does not say, `options` do: the names of the classes, and what its images
 * go through; `config` of the model has both. Throws `UserError`, which names each node that cannot be read.
 *
 * @example
 * ```ts
 * async function openUrl(url: string) {
 *   const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer());
 *   return await openOnnx(device, bytes, { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] });
 * }
 * ```
 */
export async function openOnnx(
  context: Context,
  bytes: Uint8Array,
  options: OnnxOptions & ModelOptions = {},
): Promise<Model> {
  const { name = "network" } = options, network = onnxNetwork(bytes, name, { ...options, name });
  const { config, params, whitening } = network, definition = config ?? codedOf(network);
  return await placeModel(context, definition, (specs) => select({ tensors: params }, specs, name), {
    ...options,
    whitening,
  });
}
