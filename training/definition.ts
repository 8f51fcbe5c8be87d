/** What a model is of: a config, or a network built in code, and what its shapes say. */
import type { Config } from "../configs/schema.ts";
import { layersOf } from "../configs/width.ts";
import type { Layer, ParamSpecs } from "../core/graph/layer.ts";
import { UserError } from "../core/host/errors.ts";
import type { ImageShape } from "../data/dataset.ts";
import { classNames, inputShape } from "../data/datasets/mod.ts";
import { buildNetwork } from "../layers/network_config.ts";

/** A network built in code, and the shape of the images that it takes. */
export interface Definition {
  /** The network, a layer that ends with [batch, 1, 1, outputs]. */
  readonly network: Layer;
  /** [height, width, channels] of an image. */
  readonly input: ImageShape;
}

/** The network and input shape of a config. */
export function definitionOf(config: Config): Definition {
  return { network: buildNetwork(config.name, layersOf(config)), input: inputShape(config.dataset) };
}

/** What a network keeps, and the classes that it tells apart. */
interface Specs {
  readonly specs: ParamSpecs;
  readonly state: ParamSpecs;
  /** Both: what a file of it has. */
  readonly saved: ParamSpecs;
  readonly classes: number;
}

/** The parameters, the state and the classes of a network. Throws `UserError` where its shapes do not fit, or it does not classify. */
export function specsOf(definition: Definition | Config, batch = 1): Specs {
  const coded = "input" in definition;
  const { network, input } = coded ? definition : definitionOf(definition);
  if (input.length !== 3 || !input.every((size) => Number.isInteger(size) && size > 0)) {
    throw new UserError(
      `Cannot use images of [${input.join(", ")}] with network "${network.name}": expected [height, width, channels]`,
    );
  }
  const { output, params: specs, state = {} } = network.init([batch, ...input]), classes = output[3]!;
  const expected = coded ? null : classNames(definition.dataset).length || null;
  if (output.length !== 4 || output[1] !== 1 || output[2] !== 1 || classes !== (expected ?? classes)) {
    const needed = coded
      ? `a classifier needs [${batch}, 1, 1, classes], as a global average pool at its end makes it`
      : `${definition.dataset.name} needs [${batch}, 1, 1, ${expected}]`;
    throw new UserError(
      `Cannot classify with network "${network.name}": it ends with [${output.join(", ")}], ${needed}`,
    );
  }
  return { specs, state, saved: { ...specs, ...state }, classes };
}
