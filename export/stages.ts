import type { Shape } from "../core/graph/tensor.ts";
import { buildLayers, type LayerConfig } from "../layers/mod.ts";

/** One layer of a network, with the shapes around it: [1, height, width, channels]. */
export interface Stage {
  readonly name: string;
  readonly config: LayerConfig;
  readonly input: Shape;
  readonly output: Shape;
}

/** The layers of a network for images [height, width, channels]. Throws `UserError` where the shapes do not fit. */
export function stagesOf(network: readonly LayerConfig[], image: Shape): Stage[] {
  let input: Shape = [1, ...image];
  return buildLayers(network).map((layer, index) => {
    const { output } = layer.init(input);
    const stage = { name: layer.name, config: network[index]!, input, output };
    input = output;
    return stage;
  });
}
