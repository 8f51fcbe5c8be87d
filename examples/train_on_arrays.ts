/** Trains on arrays, with validation, warm-up and a cosine, until the network makes no mistake any more. */
import {
  conv,
  cosine,
  dense,
  evaluate,
  openDevice,
  openModel,
  predict,
  sequential,
  sgd,
  train,
  warmup,
} from "../mod.ts";
import { SHAPE, stripes } from "./_stripes.ts";

const relu = { kernel: 3, padding: "same", activation: "relu" } as const;
const layers = [conv("conv1", { channels: 8, ...relu }), conv("conv2", { channels: 8, ...relu, stride: 2 })];
using device = await openDevice();
const network = sequential("stripes", [...layers, dense("dense1", { channels: 3 })]), test = stripes(32);
const model = await openModel(device, { network, input: SHAPE });
const optimizer = sgd({ momentum: 0.9, weightDecay: 0.001 }), learningRate = warmup(3, cosine({ base: 0.05 }));
const rows = await train(model, stripes(96), {
  ...{ epochs: 20, batch: 32, optimizer, learningRate, validation: stripes(32) },
  onEpoch: ({ testError }) => testError === 0 && "stop",
});
console.log(`loss after each epoch: ${rows.map(({ trainLoss }) => trainLoss.toFixed(3)).join(", ")}`);
console.log(`error on ${test.count} new images: ${(await evaluate(model, test)).error.toFixed(1)} %`);
console.log(`rows, columns, noise: ${(await predict(model, test.images.subarray(0, 64))).join(", ")}`);
