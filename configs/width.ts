import { UserError } from "../core/host/errors.ts";
import type { LayerConfig } from "../layers/layer_kind.ts";
import { mapEntries, writeEntry } from "../layers/network_config.ts";
import type { Config } from "./schema.ts";

/**
 * The layers of a config at its width: each convolution but the last has `width` times the channels that it is written
 * with, in fours. Throws `UserError` where one would have none.
 */
export function layersOf({ network, width }: Pick<Config, "network" | "width">): readonly LayerConfig[] {
  if (width === undefined) return network;
  let left = 0;
  mapEntries(network, ({ kind }) => {
    if (kind.channels !== undefined) left++;
    return null;
  });
  return mapEntries(network, (entry, name) => {
    const { kind, options } = entry;
    if (kind.channels === undefined || --left === 0) return null;
    const written = (options as Record<string, number>)[kind.channels]!, channels = 4 * Math.round(width * written / 4);
    if (channels < 4) {
      const least = Math.ceil(200 / written) / 100;
      throw new UserError(
        `Cannot use width ${width}: it leaves ${kind.key} "${name}" ${width * written} of its ${written} channels, ` +
          `which are counted in fours; use ${least} or more`,
      );
    }
    return [writeEntry({ ...entry, options: { ...options, [kind.channels]: channels } })];
  });
}
