/** Batches that come one by one, as from a socket or a camera; the next is made while the device computes. */
import { conv, dense, openDevice, openModel, sequential, sgd, train } from "../mod.ts";
import { SHAPE, stripes } from "./_stripes.ts";

async function* batches() {
  for (let at = 0; at < 4; at++) yield await Promise.resolve(stripes(32));
}
const first = conv("conv1", { channels: 8, kernel: 3, activation: "relu" });
const network = sequential("streamed", [first, dense("dense1", { channels: 3 })]);
using device = await openDevice();
const model = await openModel(device, { network, input: SHAPE }), optimizer = sgd({ momentum: 0.9, weightDecay: 0 });
const rows = await train(model, batches, { epochs: 5, batch: 32, optimizer, learningRate: 0.05 });
console.log(`error while training, in %: ${rows.map(({ trainError }) => trainError.toFixed(1)).join(", ")}`);
