/** AdamW, which decays weights alone. */
import { adamw, conv, dense, evaluate, openDevice, openModel, sequential, train } from "../mod.ts";
import { SHAPE, stripes } from "./_stripes.ts";

const first = conv("conv1", { channels: 8, kernel: 3, activation: "relu" });
const network = sequential("adamw", [first, dense("dense1", { channels: 3 })]);
using device = await openDevice();
const model = await openModel(device, { network, input: SHAPE });
const optimizer = adamw({ weightDecay: 0.05, decayBiases: false });
await train(model, stripes(96), { epochs: 12, batch: 32, optimizer, learningRate: 0.02 });
console.log(`error: ${(await evaluate(model, stripes(96))).error.toFixed(1)} %`);
