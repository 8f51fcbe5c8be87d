/** A layer as its kind exports it for PyTorch, run there in float64: forward, backward, and what it keeps. */
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
given = json.load(sys.stdin)
torch.set_default_dtype(torch.float64)
code = {}
exec(given["code"], code)
net = torch.nn.Sequential(*list(code["network"]())[:-1]).double().train(given["training"])
net.load_state_dict({name: torch.tensor(t["data"]).view(t["shape"]) for name, t in given["state"].items()})
images = lambda values, n, h, w, c: torch.tensor(values).view(n, h, w, c).permute(0, 3, 1, 2)
x = images(given["x"], *given["shape"]).clone().requires_grad_()
y = net(x)
y.backward(images(given["dy"], *[y.shape[i] for i in (0, 2, 3, 1)]))
flat = lambda t: t.detach().permute(0, 2, 3, 1).reshape(-1).tolist()
tensors = lambda named: {name: {"shape": list(t.shape), "data": t.reshape(-1).tolist()} for name, t in named}
grads = {name: p.grad for name, p in net.named_parameters()}
state = {name: t for name, t in net.state_dict().items() if not name.endswith("num_batches_tracked")}
print(json.dumps({"y": flat(y), "x": flat(x.grad), "grads": tensors((name, grads.get(name, t)) for name, t in state.items()),
  "state": tensors(state.items())}))
`;

interface Given {
  readonly shape: Shape;
  readonly x: ArrayLike<number>;
  readonly dy: ArrayLike<number>;
  /** Parameters and state. */
  readonly values: Readonly<Record<string, ArrayLike<number>>>;
  readonly mode?: "train" | "eval";
}

/** y, the gradients of x ("x") and of the parameters, and the state afterwards, under our names and in our layout. */
export function inTorch(layer: Layer, { shape, x, dy, values, mode = "train" }: Given) {
  const image = shape.slice(1) as [number, number, number], network = sequential("net", [layer]);
  const { params, state = {} } = network.init([1, ...image]), specs = { ...params, ...state };
  const named = (name: string) => name.slice(layer.name.length + 1);
  const ours = Object.fromEntries(
    Object.entries(specs).map(([name, { shape }]) => [name, { shape, data: Float32Array.from(values[named(name)]!) }]),
  );
  const input = JSON.stringify({
    code: pytorchCode({ network, dataset: null, image, classes: [] }),
    state: Object.fromEntries(
      Object.entries(toPytorch(ours, network, image)).map(([name, { shape, data }]) => [
        name,
        { shape, data: [...data] },
      ]),
    ),
    ...{ training: mode === "train", shape, x: [...Array.from(x)], dy: [...Array.from(dy)] },
  });
  const { stdout, stderr, status } = spawnSync("python3", ["-c", CODE], {
    encoding: "utf8",
    input,
    maxBuffer: 2 ** 28,
  });
  assert.is(status, 0, stderr);
  type Tensors = Record<string, HostTensor>;
  const theirs = JSON.parse(stdout) as { y: number[]; x: number[]; grads: Tensors; state: Tensors };
  const back = (tensors: Tensors) => {
    const read = fromPytorch(tensors, { network, image, specs, source: "PyTorch", line: assert.unreachable });
    return Object.fromEntries(Object.entries(read).map(([name, { data }]) => [named(name), data as ArrayLike<number>]));
  };
  return { y: theirs.y, grads: { x: theirs.x, ...back(theirs.grads) }, values: back(theirs.state) };
}
