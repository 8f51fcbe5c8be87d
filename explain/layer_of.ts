/** The layers inside a network, by name, and a network cut off behind one of them. */
import { UserError } from "../core/host/errors.ts";
import { type Layer, sequential } from "../core/graph/layer.ts";

/**
 * The names of all layers of a network in the order of the forward pass; those of a sequence inside it have its name
 * in front, "block/conv1", and come before the sequence itself.
 *
 * @example
 * ```ts
 * const { name, network } = await loadConfig("quickstart");
 * console.log(layerNames(buildNetwork(name, network)).slice(0, 2)); // [ 'conv1', 'conv2' ]
 * ```
 */
export function layerNames(network: Layer): string[] {
  return network.layers?.flatMap((layer) => [
    ...(layer.layers === undefined ? [] : layerNames(layer).map((name) => `${layer.name}/${name}`)),
    layer.name,
  ]) ?? [network.name];
}

/**
 * The network up to and with the layer `name`, which takes the same parameters. Throws `UserError` that lists the
 * layers where there is no such one.
 */
export function upTo(network: Layer, name: string): Layer {
  if (!layerNames(network).includes(name)) {
    throw new UserError(
      `Cannot look into layer "${name}" of network "${network.name}": it has ${layerNames(network).join(", ")}`,
    );
  }
  return cut(network, name);
}

function cut(network: Layer, name: string): Layer {
  const { layers } = network;
  if (layers === undefined) return network;
  const index = layers.findIndex((layer) => layer.name === name || name.startsWith(`${layer.name}/`));
  const last = layers[index]!, rest = name.slice(last.name.length + 1);
  return sequential(network.name, [...layers.slice(0, index), rest === "" ? last : cut(last, rest)]);
}
