/** Networks built in code as plain data, which a checkpoint carries where there is no config. */
import { UserError } from "../core/host/errors.ts";
import { kindOf, type LayerConfig } from "../layers/layer_kind.ts";
import { buildNetwork, entriesOf } from "../layers/network_config.ts";
import { sequential } from "../layers/sequential.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { Definition } from "./definition.ts";
import type { Model } from "./model.ts";

/** What `network:` of a config says, with the network's name and the shape of its images. */
interface Architecture {
  readonly name: string;
  readonly layers: readonly LayerConfig[];
  readonly input: Definition["input"];
}

/** The network of a model as a part of its checkpoint: nothing where a config has it, or it holds layers of one's own. */
export function architectureOf({ network, input, config }: Pick<Model, "network" | "input" | "config">) {
  const layers = config === null && kindOf(network) === sequential.kind ? entriesOf(network) : null;
  return layers === null ? {} : { architecture: { name: network.name, layers, input } satisfies Architecture };
}

/** The network that a checkpoint carries as data, or null. Throws `UserError` where it is damaged. */
export function networkIn({ architecture }: Checkpoint, source: string): Definition | null {
  if (architecture === undefined) return null;
  try {
    const { name, layers, input } = architecture as Architecture, [height, width, channels] = input;
    return { network: buildNetwork(name, layers), input: [height, width, channels] };
  } catch (error) { // of data that is none, of layers that there are not, or of the stack where they lie too deep
    const reason = error instanceof UserError ? error.message : "it is damaged";
    throw new UserError(`Cannot use the network in "${source}": ${reason}`);
  }
}
