/**
 * Networks as PyTorch's `nn.Sequential`, in the order of the config: a dropout is one module, a convolution is
 * `Conv2d` and, where it has one, its activation (an even kernel with padding "same" gets a `ZeroPad2d` before it),
 * and `Flatten` ends the network. A module's number names its parameters: "1.weight" [out, in, height, width], "1.bias".
 */
import { UserError } from "../core/host/errors.ts";
import type { ParamSpecs } from "../core/graph/layer.ts";
import type { HostTensor } from "../core/host/safetensors.ts";
import type { Shape } from "../core/graph/tensor.ts";
import { type ConvConfig, paddingOf } from "../layers/conv.ts";
import type { LayerConfig } from "../layers/mod.ts";
import { oihwShape, toHwio, toOihw } from "./kernel_layout.ts";
import { type Stage, stagesOf } from "./stages.ts";

export interface Module {
  /** The call that makes it, after `nn.`. */
  readonly code: string;
  /** The layer whose parameters it holds, or null. */
  readonly layer: string | null;
}

const module = (code: string, layer: string | null = null): Module => ({ code, layer });

function convModules(
  { name, channels, kernel, stride, activation, ...rest }: ConvConfig,
  inChannels: number,
): Module[] {
  const { before, after } = paddingOf({ name, channels, kernel, stride, activation, ...rest });
  const padding = before === after ? before : 0;
  const conv = `Conv2d(${inChannels}, ${channels}, ${kernel}, stride=${stride}, padding=${padding})`;
  return [
    ...(before === after ? [] : [module(`ZeroPad2d((${before}, ${after}, ${before}, ${after}))`)]),
    module(conv, name),
    ...(activation === "none"
      ? []
      : [module(activation === "relu" ? "ReLU()" : `LeakyReLU(${activation.leakyRelu.slope})`)]),
  ];
}

function modulesOfStage({ config, input }: Stage): Module[] {
  if (config === "globalAveragePool") return [module("AdaptiveAvgPool2d(1)")];
  if ("conv" in config) return convModules(config.conv, input[3]!);
  if ("dropout" in config) return [module(`Dropout(${config.dropout.rate})`)];
  if ("maxPool" in config) {
    const { kernel, stride } = config.maxPool;
    const [rows, columns] = [input[1]!, input[2]!].map((size) => Math.min(kernel, size)); // PyTorch clips no first window
    return [module(`MaxPool2d((${rows}, ${columns}), stride=${stride}, ceil_mode=True)`)];
  }
  return config satisfies never;
}

/** The modules of the Sequential for images [height, width, channels]. Throws `UserError` where shapes do not fit. */
export function modulesOf(network: readonly LayerConfig[], image: Shape): Module[] {
  return [...stagesOf(network, image).flatMap(modulesOfStage), module("Flatten()")];
}

/** PyTorch's name of each parameter. */
function torchNames(network: readonly LayerConfig[], image: Shape): Record<string, string> {
  return Object.fromEntries(
    modulesOf(network, image).flatMap(({ layer }, index) =>
      layer === null ? [] : [[`${layer}/w`, `${index}.weight`], [`${layer}/b`, `${index}.bias`]]
    ),
  );
}

type Tensors = Readonly<Record<string, HostTensor>>;

/** Our parameters by PyTorch's names and in its layout. */
export function toPytorch(params: Tensors, network: readonly LayerConfig[], image: Shape): Record<string, HostTensor> {
  return Object.fromEntries(
    Object.entries(torchNames(network, image)).map(([ours, theirs]) => [theirs, toOihw(params[ours]!)]),
  );
}

/**
 * The inverse of `toPytorch`: `specs` are those of our parameters. Throws `UserError`, naming `source`, where a tensor
 * is missing, has another shape, or is of no layer.
 */
export function fromPytorch(
  tensors: Tensors,
  { network, image, specs, source }: {
    readonly network: readonly LayerConfig[];
    readonly image: Shape;
    readonly specs: ParamSpecs;
    readonly source: string;
  },
): Record<string, HostTensor> {
  const names = torchNames(network, image), expected = new Set(Object.values(names));
  const unknown = Object.keys(tensors).find((name) => !expected.has(name));
  const params = Object.entries(names).map(([ours, theirs]) => {
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
