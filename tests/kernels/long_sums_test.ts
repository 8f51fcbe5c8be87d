import { test } from "uvu";
import * as assert from "uvu/assert";
import { convBackwardWeight } from "../../kernels/conv/conv_backward_weight.ts";
import type { ConvProblem } from "../../kernels/conv/conv_problem.ts";
import { gpu, random, relativeError, runOp } from "../_gpu.ts";
import { MOST_TERMS } from "../../kernels/conv/shares.ts";
import * as reference from "../_reference.ts";

/** 1 048 576 pixels of few channels: what a single float32 sum loses most digits of. */
const SIDE = 512, BATCH = 4, IN = 2, OUT = 4;
const P: ConvProblem = {
  ...{ batch: BATCH, height: SIDE, width: SIDE, outHeight: SIDE, outWidth: SIDE, inChannels: IN, outChannels: OUT },
  ...{ kernel: 1, stride: 1, padding: 0 },
};

/** The error of dw and db by the default tuning, where x and dy are random around these means, or equal to them. */
async function errors(p: ConvProblem, xMean: number, dyMean: number, spread: number): Promise<number[]> {
  const { limits } = await gpu(), pixels = BATCH * SIDE * SIDE;
  const around = (count: number, mean: number, seed: number) =>
    random(count, seed).map((value) => Math.fround(mean + spread * value));
  const x = around(pixels * IN, xMean, 1), dy = around(pixels * OUT, dyMean, 2);
  const problem = { ...p, bias: true }, wShape = [p.kernel as number, p.kernel as number, IN, OUT];
  const [dw, db] = await runOp(convBackwardWeight, problem, convBackwardWeight.tunings(problem, limits)[0]!, {
    reads: [{ shape: [BATCH, SIDE, SIDE, IN], data: x }, { shape: [BATCH, SIDE, SIDE, OUT], data: dy }],
    writes: [{ shape: wShape }, { shape: [OUT] }],
  });
  return [
    relativeError(dw!, reference.convBackwardWeight(p, x, dy)),
    relativeError(db!, reference.sumRows(OUT, dy)),
  ];
}

for (const [name, p] of [["1x1", P], ["3x3", { ...P, kernel: 3, padding: 1 }]] as const) {
  test(`a ${name} weight gradient of a million pixels keeps its digits, far from 0 and of equal numbers too`, async () => {
    for (const error of await errors(p, 100, 1, 1)) assert.ok(error < 1e-6, `means of 100 and 1: ${error}`);
    for (const error of await errors(p, 0.1, 0.7, 0)) {
      assert.ok(error < MOST_TERMS / 2 * 2 ** -24, `equal numbers: ${error}`);
    }
  });
}

test.run();
