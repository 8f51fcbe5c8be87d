/**
 * Networks as PyTorch's `nn.Sequential`: the modules of each layer, as its kind says, then `Flatten`. Modules that are
 * nothing but a Sequential inside another stay one. A module's number names its parameters: "1.weight" [out, in, height,
 * width], "1.bias"; inside another, "3.0.weight".
 */
import type { Layer, ParamSpecs } from "../core/graph/layer.ts";
import { elements, type Shape } from "../core/graph/tensor.ts";
import { UserError } from "../core/host/errors.ts";
import type { HostTensor } from "../core/host/safetensors.ts";
import type { TorchModule } from "../core/graph/export_types.ts";
import { kindOf, noCounterpart } from "../layers/layer_kind.ts";
import { type LayerNode, layerTree } from "../layers/tree.ts";
import { oihwShape, toHwio, toOihw } from "./kernel_layout.ts";

function modulesIn(node: LayerNode): TorchModule[] {
  const { layer, path } = node;
  const modules = kindOf(layer)?.torch?.(layer.made!.options, node, node.inner.flatMap(modulesIn));
  if (modules === undefined) {
    throw new UserError(`Cannot export layer "${path}" for PyTorch: ${noCounterpart(layer, "torch")}`);
  }
  return modules.map((module) => ({ layer: path, ...module }));
}

/** The modules of the Sequential for images [height, width, channels]. Throws `UserError` where shapes do not fit. */
export function modulesOf(network: Layer, image: Shape): TorchModule[] {
  const root = layerTree(network, [1, ...image]), modules = modulesIn(root), [only] = modules;
  const inside = modules.length === 1 && only!.code === "nn.Sequential" ? only!.modules ?? [] : modules;
  return [...inside, { code: "nn.Flatten()" }];
}

/** A parameter of ours, and what PyTorch calls it. */
type Name = readonly [ours: string, theirs: string];

const pathIn = (layer: string, param: string) => layer === "" ? param : `${layer}/${param}`;

/** Names by the place of each module in the Sequential. */
function numberedNames(modules: readonly TorchModule[], prefix = ""): Name[] {
  return modules.flatMap(({ layer = "", params = {}, modules: inner = [] }, index) => [
    ...Object.entries(params).map(([ours, theirs]): Name => [pathIn(layer, ours), `${prefix}${index}.${theirs}`]),
    ...numberedNames(inner, `${prefix}${index}.`),
  ]);
}

/** Names of a module whose attributes are called as the layers are: "conv1.weight". */
function layerNames(modules: readonly TorchModule[]): Name[] {
  return modules.flatMap(({ layer = "", params = {}, modules: inner = [] }) => [
    ...Object.entries(params).map(([ours, theirs]): Name => {
      return [pathIn(layer, ours), pathIn(layer, theirs).replaceAll("/", ".")];
    }),
    ...layerNames(inner),
  ]);
}

/** The names of parameters that may be those of a Linear. */
function linearNames(modules: readonly TorchModule[]): string[] {
  return modules.flatMap(({ layer = "", params = {}, linear, modules: inner = [] }) => [
    ...(linear ? Object.keys(params).map((ours) => pathIn(layer, ours)) : []),
    ...linearNames(inner),
  ]);
}

/** Is `given` the weight of a Linear, [out, in * height * width], for a kernel [out, in, height, width]? */
const isFlat = (given: Shape, [out, ...rest]: Shape): boolean =>
  given.length === 2 && rest.length === 3 && given[0] === out && given[1] === elements(rest);

type Tensors = Readonly<Record<string, HostTensor>>;

/** Our parameters by PyTorch's names and in its layout. */
export function toPytorch(params: Tensors, network: Layer, image: Shape): Record<string, HostTensor> {
  return Object.fromEntries(
    numberedNames(modulesOf(network, image)).map(([ours, theirs]) => [theirs, toOihw(params[ours]!)]),
  );
}

/**
 * What all names of a file begin with and none of the network does: the attribute of a module around this one, as
 * "module." (`DataParallel`), "_orig_mod." (`torch.compile`), "model." (Lightning), also several.
 */
function wrapperOf(found: readonly string[], known: ReadonlySet<string>): string {
  for (let wrapper = "";;) {
    const rest = found.map((name) => name.slice(wrapper.length)), [first = ""] = rest, end = first.indexOf(".") + 1;
    const attribute = first.slice(0, end);
    if (end === 0 || rest.some((name) => known.has(name) || !name.startsWith(attribute))) {
      return rest.some((name) => known.has(name)) ? wrapper : "";
    }
    wrapper += attribute;
  }
}

/**
 * The inverse of `toPytorch`, also of tensors that are named after the layers or lie in a module around the network:
 * `specs` are those of our parameters. A module without bias gets one of zeros, which `line` tells. Throws `UserError`,
 * naming `source`, where a tensor is missing, has another shape, or is of no layer.
 */
export function fromPytorch(
  tensors: Tensors,
  { network, image, specs, source, line }: {
    readonly network: Layer;
    readonly image: Shape;
    readonly specs: ParamSpecs;
    readonly source: string;
    readonly line: (text: string) => void;
  },
): Record<string, HostTensor> {
  const modules = modulesOf(network, image), numbered = numberedNames(modules), named = layerNames(modules);
  const found = Object.keys(tensors), known = new Set([...numbered, ...named].map(([, theirs]) => theirs));
  const wrapper = wrapperOf(found, known),
    hits = (names: readonly Name[]) => {
      return names.filter(([, theirs]) => Object.hasOwn(tensors, wrapper + theirs)).length;
    };
  const chosen = hits(named) > hits(numbered) ? named : numbered;
  const names = chosen.map(([ours, theirs]): Name => [ours, wrapper + theirs]);
  const expected = new Set(names.map(([, theirs]) => theirs)), unknown = found.find((name) => !expected.has(name));
  const unbiased: string[] = [], linear = new Set(linearNames(modules));
  const params = names.map(([ours, theirs]) => {
    const shape = oihwShape(specs[ours]!.shape), wanted = `"${theirs}" [${shape.join(", ")}]`;
    const weight = theirs.replace(/(^|\.)bias$/, "$1weight");
    if (!Object.hasOwn(tensors, theirs)) {
      if (unknown === undefined && weight !== theirs && Object.hasOwn(tensors, weight)) {
        unbiased.push(theirs);
        return [ours, { shape: specs[ours]!.shape, data: new Float32Array(elements(specs[ours]!.shape)) }] as const;
      }
      const instead = unknown === undefined ? "" : `; it has "${unknown}", which the config's network has not`;
      throw new UserError(`Cannot import "${source}": it has no tensor ${wanted} for ${ours}${instead}`);
    }
    const tensor = tensors[theirs]!;
    if (linear.has(ours) && isFlat(tensor.shape, shape)) return [ours, toHwio({ ...tensor, shape })] as const;
    if (tensor.shape.join() !== shape.join()) {
      throw new UserError(
        `Cannot import "${source}": tensor "${theirs}" is [${tensor.shape.join(", ")}], expected [${
          shape.join(", ")
        }] for ${ours}`,
      );
    }
    return [ours, toHwio(tensor)] as const;
  });
  if (unknown !== undefined) {
    throw new UserError(
      `Cannot import "${source}": the config's network has no tensor "${unknown}", only ${[...expected].join(", ")}`,
    );
  }
  if (unbiased.length > 0) line(`"${source}" has no ${unbiased.join(", ")}: set to zero`);
  return Object.fromEntries(params);
}
