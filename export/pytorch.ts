/**
 * Networks as PyTorch's `nn.Sequential`: the modules of each layer, as its kind says, then `Flatten`. Modules that are
 * nothing but a Sequential inside another stay one. A module's number names its parameters: "1.weight" [out, in, height,
 * width], "1.bias"; inside another, "3.0.weight".
 */
import type { Layer, ParamSpecs } from "../core/graph/layer.ts";
import type { Shape } from "../core/graph/tensor.ts";
import { UserError } from "../core/host/errors.ts";
import type { HostTensor } from "../core/host/safetensors.ts";
import type { TorchModule } from "../core/graph/exported.ts";
import { kindOf } from "../layers/layer_kind.ts";
import { type LayerNode, layerTree } from "../layers/tree.ts";
import { oihwShape, toHwio, toOihw } from "./kernel_layout.ts";

function modulesIn(node: LayerNode): TorchModule[] {
  const { layer, path } = node;
  const modules = kindOf(layer)?.torch?.(layer.made!.options, node, node.inner.flatMap(modulesIn));
  if (modules === undefined) {
    throw new UserError(`Cannot export layer "${path}" for PyTorch: it is one of your own, whose kind has no torch`);
  }
  return modules.map((module) => ({ layer: path, ...module }));
}

/** The modules of the Sequential for images [height, width, channels]. Throws `UserError` where shapes do not fit. */
export function modulesOf(network: Layer, image: Shape): TorchModule[] {
  const root = layerTree(network, [1, ...image]), modules = modulesIn(root), [only] = modules;
  const inside = modules.length === 1 && only!.code === "nn.Sequential" ? only!.modules ?? [] : modules;
  return [...inside, { code: "nn.Flatten()" }];
}

/** PyTorch's name of each parameter. */
function torchNames(modules: readonly TorchModule[], prefix = ""): [ours: string, theirs: string][] {
  return modules.flatMap(({ layer, params = {}, modules: inner = [] }, index) => [
    ...Object.entries(params).map(([ours, theirs]): [string, string] => [
      layer === "" ? ours : `${layer}/${ours}`,
      `${prefix}${index}.${theirs}`,
    ]),
    ...torchNames(inner, `${prefix}${index}.`),
  ]);
}

type Tensors = Readonly<Record<string, HostTensor>>;

/** Our parameters by PyTorch's names and in its layout. */
export function toPytorch(params: Tensors, network: Layer, image: Shape): Record<string, HostTensor> {
  return Object.fromEntries(
    torchNames(modulesOf(network, image)).map(([ours, theirs]) => [theirs, toOihw(params[ours]!)]),
  );
}

/**
 * The inverse of `toPytorch`: `specs` are those of our parameters. Throws `UserError`, naming `source`, where a tensor
 * is missing, has another shape, or is of no layer.
 */
export function fromPytorch(
  tensors: Tensors,
  { network, image, specs, source }: {
    readonly network: Layer;
    readonly image: Shape;
    readonly specs: ParamSpecs;
    readonly source: string;
  },
): Record<string, HostTensor> {
  const names = torchNames(modulesOf(network, image)), expected = new Set(names.map(([, theirs]) => theirs));
  const unknown = Object.keys(tensors).find((name) => !expected.has(name));
  const params = names.map(([ours, theirs]) => {
    const found = tensors[theirs], shape = oihwShape(specs[ours]!.shape), wanted = `"${theirs}" [${shape.join(", ")}]`;
    if (found === undefined) {
      const instead = unknown === undefined ? "" : `; it has "${unknown}", which the config's network has not`;
      throw new UserError(`Cannot import "${source}": it has no tensor ${wanted} for ${ours}${instead}`);
    }
    if (found.shape.join() !== shape.join()) {
      throw new UserError(
        `Cannot import "${source}": tensor "${theirs}" is [${found.shape.join(", ")}], expected [${
          shape.join(", ")
        }] for ${ours}`,
      );
    }
    return [ours, toHwio(found)] as const;
  });
  if (unknown !== undefined) {
    throw new UserError(
      `Cannot import "${source}": the config's network has no tensor "${unknown}", only ${[...expected].join(", ")}`,
    );
  }
  return Object.fromEntries(params);
}
