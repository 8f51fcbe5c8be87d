/** Fine-tuning: a trained body, a new head, and only the head is trained. */
import { conv, dense, evaluate, getParams, openDevice, openModel, sequential, setParams, sgd, train } from "../mod.ts";
import { SHAPE, stripes } from "./_stripes.ts";

const data = stripes(96), noisy = { ...data, labels: data.labels.map((label) => Number(label === 2)) }; // two classes

const body = conv("conv1", { channels: 8, kernel: 3, activation: "relu" });
const networkOf = (channels: number) => sequential("tuned", [body, dense("head", { channels })]);
const step = { batch: 32, optimizer: sgd({ momentum: 0.9, weightDecay: 0 }), learningRate: 0.05 };
using device = await openDevice();
const trained = await openModel(device, { network: networkOf(3), input: SHAPE });
await train(trained, data, { ...step, epochs: 10 });
const model = await openModel(device, { network: networkOf(2), input: SHAPE }, { seed: 1 });
const { missing } = await setParams(model, await getParams(trained), { strict: false });
console.log(`new: ${missing.join(", ")}`);
await train(model, noisy, { ...step, epochs: 20, trainable: (name) => name.startsWith("head/") });
console.log(`error: ${(await evaluate(model, noisy)).error.toFixed(1)} %`);
