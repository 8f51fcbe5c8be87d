/** Every kind of layer beside what it is in PyTorch, in float64: outputs, gradients, and what it keeps. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Layer } from "../../core/graph/layer.ts";
import { elements, type Shape } from "../../core/graph/tensor.ts";
import { batchNorm } from "../../layers/batch_norm.ts";
import { conv } from "../../layers/conv.ts";
import { dense } from "../../layers/dense.ts";
import { describeLayer } from "../../layers/layer_kind.ts";
import { maxPool } from "../../layers/max_pool.ts";
import { residual } from "../../layers/residual.ts";
import { random, relativeError } from "../_gpu.ts";
import { onDevice } from "./_on_device.ts";
import { hasTorch, inTorch } from "./_torch.ts";

const SHAPE = [2, 7, 6, 4] as const;
const LAYERS: readonly (readonly [Layer, Shape])[] = [
  [dense("layer", { channels: 5 }), SHAPE],
  [dense("layer", { channels: 8, activation: "relu" }), [3, 1, 1, 12]],
  [batchNorm("layer"), SHAPE],
  [maxPool("layer", { kernel: 3, stride: 2 }), SHAPE],
  [conv("layer", { channels: 8, kernel: 3, padding: "same", stride: 2 }), SHAPE],
  [
    residual("layer", [conv("a", { channels: 6, kernel: 3, stride: 2, padding: 1 }), batchNorm("b")], {
      projection: true,
    }),
    SHAPE,
  ],
];

const torch = hasTorch();
if (!torch) console.log("skipped: the comparison of every kind of layer with PyTorch, as python3 has no torch");
for (const [layer, shape] of torch ? LAYERS : []) {
  test(`${describeLayer(layer)}: outputs, gradients and state are PyTorch's`, async () => {
    const { output, params, state = {} } = layer.init(shape);
    const values = Object.fromEntries(
      Object.entries({ ...params, ...state }).map(([name, { shape }], i) => {
        const drawn = random(elements(shape), 10 + i);
        return [name, /gamma|variance/.test(name) ? drawn.map((value) => value + 1.5) : drawn];
      }),
    );
    const given = { shape, x: random(elements(shape), 1), dy: random(elements(output), 2), values };
    const ours = await onDevice(layer, given), theirs = inTorch(layer, given);
    assert.ok(relativeError(ours.y, theirs.y) < 1e-5, `y: ${relativeError(ours.y, theirs.y)}`);
    for (const name of ["x", ...Object.keys(params)]) {
      const error = relativeError(ours.grads[name]!, theirs.grads[name as "x"]!);
      assert.ok(error < 1e-5, `gradient of ${name}: ${error}`);
    }
    for (const name of Object.keys(state)) {
      const error = relativeError(ours.values[name]!, theirs.values[name]!);
      assert.ok(error < 1e-5, `${name} afterwards: ${error}`);
    }
  });
}

test.run();
