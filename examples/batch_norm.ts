/** Batch normalization between a convolution and its activation. */
import { activation, batchNorm, conv, dense, evaluate, openDevice, openModel, sequential, sgd, train } from "../mod.ts";
import { SHAPE, stripes } from "./_stripes.ts";

const normalized = [batchNorm("norm1"), activation("relu1", { function: "relu" }), dense("dense1", { channels: 3 })];
const network = sequential("normalized", [conv("conv1", { channels: 8, kernel: 3 }), ...normalized]);
using device = await openDevice();
const model = await openModel(device, { network, input: SHAPE }), optimizer = sgd({ momentum: 0.9, weightDecay: 0 });
await train(model, stripes(96), { epochs: 10, batch: 32, optimizer, learningRate: 0.05 });
console.log(`error: ${(await evaluate(model, stripes(96))).error.toFixed(1)} %`);
