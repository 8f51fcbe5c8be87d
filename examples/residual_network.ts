/** A residual network, and a look into one of its blocks. */
import { conv, dense, evaluate, explain, openDevice, openModel, residual, sequential, sgd, train } from "../mod.ts";
import { SHAPE, stripes } from "./_stripes.ts";

const inner = (name: string) => conv(name, { channels: 8, kernel: 3, padding: "same", activation: "relu" });
const blocks = ["block1", "block2"].map((name) => residual(name, [inner("conv1"), inner("conv2")]));
const network = sequential("residual", [inner("conv1"), ...blocks, dense("dense1", { channels: 3 })]);
using device = await openDevice();
const model = await openModel(device, { network, input: SHAPE }), optimizer = sgd({ momentum: 0.9, weightDecay: 0 });
await train(model, stripes(96), { epochs: 10, batch: 32, optimizer, learningRate: 0.02, clipNorm: 1 });
console.log(`error: ${(await evaluate(model, stripes(96))).error.toFixed(1)} %`);
const [seen] = await explain(model, stripes(1).images, { layer: "block1/conv1", unit: "top", rule: "guided" });
console.log(`the unit of block1/conv1 that answers most: ${seen!.unit}`);
