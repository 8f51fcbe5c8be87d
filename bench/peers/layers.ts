/** The kinds of layers that peers know: each has a function for one of them. */
import type { Config } from "../../configs/schema.ts";
import { layersOf } from "../../configs/width.ts";
import { UserError } from "../../core/host/errors.ts";
import type { ConvConfig } from "../../layers/conv.ts";
import type { DropoutConfig } from "../../layers/dropout.ts";
import { namesOf, readEntry } from "../../layers/network_config.ts";
import { sgdOf } from "./protocol.ts";

/** A convolution that is the same along both axes. */
export interface NamedConv extends ConvConfig {
  readonly name: string;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: "same" | "valid" | number;
}

/** What a peer makes of each kind. */
export interface PeerKinds<Y> {
  conv(y: Y, options: NamedConv): Y;
  dropout(y: Y, options: DropoutConfig): Y;
  globalAveragePool(y: Y): Y;
}

/** The layers of a config, as functions of a peer's kinds. */
export function peerLayers(config: Config): (<Y>(kinds: PeerKinds<Y>, y: Y) => Y)[] {
  const layers = layersOf(config), names = namesOf(layers);
  return layers.map((layer, index) => {
    const { kind: { key }, options } = readEntry(layer);
    return (kinds, y) => kinds[key as keyof typeof kinds](y, { ...options, name: names[index]! } as never);
  });
}

/** Which layers all peers build. */
const KNOWN: Readonly<Record<string, (options: never) => boolean>> = {
  conv: ({ activation, padding, kernel, stride }: ConvConfig) =>
    [activation, padding, kernel, stride].every((option) => typeof option !== "object") &&
    (padding !== "same" || Number(kernel) % 2 === 1),
  dropout: () => true,
  globalAveragePool: () => true,
};

/** Throws `UserError` where there is a layer, an activation or an optimizer that the peers do not have. */
export function checkNetwork(config: Config): void {
  const { name, network } = config;
  sgdOf(config);
  for (const layer of network) {
    const { kind: { key }, options } = readEntry(layer);
    if (KNOWN[key]?.(options as never) !== true) {
      throw new UserError(
        `Cannot compare "${name}": the peers know dropout, globalAveragePool, and square conv with relu and an odd kernel, ` +
          `not ${JSON.stringify(layer)}`,
      );
    }
  }
}
