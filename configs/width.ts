import { UserError } from "../core/host/errors.ts";
import type { LayerConfig } from "../layers/mod.ts";
import type { Config } from "./schema.ts";

/**
 * The layers of a config at its width: each convolution but the last has `width` times the channels that it is written
 * with, in fours. Throws `UserError` where one would have none.
 */
export function layersOf({ network, width }: Pick<Config, "network" | "width">): readonly LayerConfig[] {
  if (width === undefined) return network;
  const last = network.findLastIndex(isConv);
  return network.map((layer, index): LayerConfig => {
    if (!isConv(layer) || index === last) return layer;
    const { name, channels: written } = layer.conv, channels = 4 * Math.round(width * written / 4);
    if (channels < 4) {
      const least = Math.ceil(200 / written) / 100;
      throw new UserError(
        `Cannot use width ${width}: it leaves conv "${name}" ${width * written} of its ${written} channels, ` +
          `which are counted in fours; use ${least} or more`,
      );
    }
    return { conv: { ...layer.conv, channels } };
  });
}

function isConv(layer: LayerConfig): layer is Extract<LayerConfig, { conv: unknown }> {
  return typeof layer === "object" && "conv" in layer;
}
