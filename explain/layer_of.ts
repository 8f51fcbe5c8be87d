/** The layers inside a network, by name, and a network cut off behind one of them. */
import { UserError } from "../core/host/errors.ts";
import type { Layer } from "../core/graph/layer.ts";
import { didYouMean } from "../core/kinds/nearest.ts";
import { sequential } from "../layers/sequential.ts";
import { pathIn } from "../layers/tree.ts";

/**
 * The names of all layers of a network in the order of the forward pass; those that a layer holds have its name in
 * front, "block1/conv1", and come before the layer itself.
 *
 * @example
 * ```ts
 * const { name, network } = await loadConfig("quickstart");
 * console.log(layerNames(buildNetwork(name, network)).slice(0, 2)); // [ 'conv1', 'conv2' ]
 * ```
 */
export function layerNames(network: Layer): string[] {
  return network.layers === undefined ? [network.name] : pathsIn(network, "");
}

function pathsIn({ layers = [] }: Layer, parent: string): string[] {
  return layers.flatMap((layer) => {
    const path = pathIn(parent, layer.name);
    return [...pathsIn(layer, path), path];
  });
}

/**
 * The network up to and with the layer `name`, which takes the same parameters. Throws `UserError` that lists the
 * layers where there is no such one.
 */
export function upTo(network: Layer, name: string): Layer {
  const names = layerNames(network);
  if (!names.includes(name)) {
    const meant = didYouMean(name, names), all = `it has ${names.join(", ")}`;
    throw new UserError(
      `Cannot look into layer "${name}" of network "${network.name}"${
        meant === "" ? `: ${all}` : `${meant} I${all.slice(1)}`
      }`,
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
