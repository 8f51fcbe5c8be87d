/** Layers as their kinds export them for PyTorch, run there in float64: forward, backward, and what they keep. */
import { spawnSync } from "node:child_process";
import * as assert from "uvu/assert";
import type { HostTensor } from "../../core/host/safetensors.ts";
import type { Layer } from "../../core/graph/layer.ts";
import type { Shape } from "../../core/graph/tensor.ts";
import { fromPytorch, toPytorch } from "../../export/pytorch.ts";
import { pytorchCode } from "../../export/pytorch_code.ts";
import { sequential } from "../../layers/sequential.ts";

export const hasTorch = (): boolean => spawnSync("python3", ["-c", "import torch"]).status === 0;

const CODE = `
import json, sys, torch
torch.set_default_dtype(torch.float64)
images = lambda values, n, h, w, c: torch.tensor(values).view(n, h, w, c).permute(0, 3, 1, 2)
flat = lambda t: t.detach().permute(0, 2, 3, 1).reshape(-1).tolist()
tensors = lambda named: {name: {"shape": list(t.shape), "data": t.reshape(-1).tolist()} for name, t in named}
def run(given):
  code = {}
  exec(given["code"], code)
  net = torch.nn.Sequential(*list(code["network"]())[:-1]).double().train(given["training"])
  net.load_state_dict({name: torch.tensor(t["data"]).view(t["shape"]) for name, t in given["state"].items()})
  x = images(given["x"], *given["shape"]).clone().requires_grad_()
  y = net(x)
  y.backward(images(given["dy"], *[y.shape[i] for i in (0, 2, 3, 1)]))
  grads = {name: p.grad for name, p in net.named_parameters()}
  state = {name: t for name, t in net.state_dict().items() if not name.endswith("num_batches_tracked")}
  return {"y": flat(y), "x": flat(x.grad), "grads": tensors((name, grads.get(name, t)) for name, t in state.items()),
    "state": tensors(state.items())}
print(json.dumps([run(given) for given in json.load(sys.stdin)]))
`;

export interface Given {
  readonly layer: Layer;
  readonly shape: Shape;
  readonly x: ArrayLike<number>;
  readonly dy: ArrayLike<number>;
  /** Parameters and state. */
  readonly values: Readonly<Record<string, ArrayLike<number>>>;
  readonly mode?: "train" | "eval";
}

type Tensors = Record<string, HostTensor>;
interface Found {
  readonly y: readonly number[];
  readonly x: readonly number[];
  readonly grads: Tensors;
  readonly state: Tensors;
}

/** What PyTorch is to run, and how to read what it found. */
function caseOf({ layer, shape, x, dy, values, mode = "train" }: Given) {
  const image = shape.slice(1) as [number, number, number], network = sequential("net", [layer]);
  const { params, state = {} } = network.init([1, ...image]), specs = { ...params, ...state };
  const named = (name: string) => name.slice(layer.name.length + 1);
  const ours = Object.fromEntries(
    Object.entries(specs).map(([name, { shape }]) => [name, { shape, data: Float32Array.from(values[named(name)]!) }]),
  );
  const theirs = Object.entries(toPytorch(ours, network, image)).map(([name, { shape, data }]) => {
    return [name, { shape, data: [...data] }];
  });
  const back = (tensors: Tensors) => {
    const read = fromPytorch(tensors, { network, image, specs, source: "PyTorch", line: assert.unreachable });
    return Object.fromEntries(Object.entries(read).map(([name, { data }]) => [named(name), data as ArrayLike<number>]));
  };
  return {
    input: {
      code: pytorchCode({ network, dataset: null, image, classes: [] }),
      ...{ state: Object.fromEntries(theirs), training: mode === "train", shape, x: Array.from(x), dy: Array.from(dy) },
    },
    read: ({ y, x, grads, state }: Found) => ({ y, grads: { x, ...back(grads) }, values: back(state) }),
  };
}

/** Of each, y, the gradients of x ("x") and of the parameters, and the state afterwards, under our names and in our layout. */
export function inTorch(given: readonly Given[]) {
  const cases = given.map(caseOf), input = JSON.stringify(cases.map(({ input }) => input));
  const { stdout, stderr, status } = spawnSync("python3", ["-c", CODE], {
    encoding: "utf8",
    input,
    maxBuffer: 2 ** 28,
  });
  assert.is(status, 0, stderr);
  return (JSON.parse(stdout) as Found[]).map((found, i) => cases[i]!.read(found));
}
