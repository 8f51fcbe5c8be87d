/** The forward pass of a config's network, and its ops in words. */
import type { Config } from "../../configs/schema.ts";
import { elements, tensor } from "../../core/graph/tensor.ts";
import type { ConvProblem } from "../../kernels/conv/conv_problem.ts";
import { buildNetwork } from "../../layers/network_config.ts";

type Facts = ConvProblem & { slope: number | null; rate: number; positions: number };

/** What a traced forward op does, in the words of the tables of the tests: what will run, not what the YAML says. */
export function describe(
  { kernel, problem, writes }: {
    kernel: { name: string };
    problem: unknown;
    writes: readonly { shape: readonly number[] }[];
  },
) {
  const p = problem as Facts, [, height, width] = writes[0]!.shape;
  const size = height === width ? height : `${height}x${width}`;
  switch (kernel.name) {
    case "conv_forward": {
      const activation = p.slope === null ? "none" : p.slope === 0 ? "relu" : `slope ${p.slope}`;
      return `${p.kernel}x${p.kernel} ${p.outChannels} /${p.stride} pad ${p.padding} ${activation} ${size}`;
    }
    case "max_pool_forward":
      return `max ${p.kernel}x${p.kernel} /${p.stride} ${size}`;
    case "global_average_pool_forward":
      return `average ${Math.sqrt(p.positions)}`;
    default:
      return `${kernel.name} ${p.rate}`;
  }
}

/** The forward pass of a config's network on `input`, its parameters and its output. */
export function traced({ name, network: layers }: Config, input: readonly number[]) {
  const network = buildNetwork(name, layers), { params: specs, output } = network.init(input);
  const tensors = Object.fromEntries(Object.entries(specs).map(([key, { shape }]) => [key, tensor(key, shape)]));
  const { ops } = network.forward(tensors, tensor("x", input), { mode: "train", step: tensor("step", [4]), path: "" });
  return { specs, output, ops, params: Object.values(specs).reduce((sum, { shape }) => sum + elements(shape), 0) };
}
