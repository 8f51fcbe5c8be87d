/** What deno_webgpu_test.ts runs in Deno on Deno's own WebGPU: convolutions here, and whole files of this folder. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { convBackwardData } from "../../kernels/conv/conv_backward_data.ts";
import { convBackwardWeight } from "../../kernels/conv/conv_backward_weight.ts";
import { convForward } from "../../kernels/conv/conv_forward.ts";
import { gpu, random, relativeError, runOp } from "../_gpu.ts";
import * as reference from "../_reference.ts";

test("the device is that of Deno's own WebGPU", async () => {
  assert.match((await gpu()).description, /, navigator\.gpu/);
});

const P = { batch: 2, height: 8, width: 8, outHeight: 4, outWidth: 4, inChannels: 16, outChannels: 32 };
const problem = { ...P, kernel: 3, stride: 2, padding: 1 };
const shapes = { x: [2, 8, 8, 16], w: [3, 3, 16, 32], y: [2, 4, 4, 32] };
const x = { shape: shapes.x, data: random(2048, 1) }, w = { shape: shapes.w, data: random(4608, 2) };
const dy = { shape: shapes.y, data: random(1024, 3) };

const agrees = (actual: Float64Array, expected: Float64Array) => {
  const error = relativeError(actual, expected);
  assert.ok(error < 2e-6, `${error}`);
};

test("the default kernels of a convolution with a stride agree with float64", async () => {
  const { limits } = await gpu(), b = { shape: [32], data: random(32, 4) };
  const forward = { ...problem, bias: true, slope: null }, weight = { ...problem, bias: false };
  const { tunings } = convForward,
    [y] = await runOp(convForward, forward, tunings(forward, limits)[0]!, {
      reads: [x, w, b],
      writes: [{ shape: shapes.y }],
    });
  agrees(y!, reference.convForward(problem, x.data, w.data, b.data));
  const [dx] = await runOp(convBackwardData, problem, convBackwardData.tunings(problem, limits)[0]!, {
    reads: [dy, w],
    writes: [{ shape: shapes.x }],
  });
  agrees(dx!, reference.convBackwardData(problem, dy.data, w.data));
  const [dw] = await runOp(convBackwardWeight, weight, convBackwardWeight.tunings(weight, limits)[0]!, {
    reads: [x, dy],
    writes: [{ shape: shapes.w }],
  });
  agrees(dw!, reference.convBackwardWeight(problem, x.data, dy.data));
});

test.run();
