/** Any number of labels for each image: stripes along the rows, along the columns, both or none. */
import { adam, conv, dense, evaluate, openDevice, openModel, predict, sequential } from "../mod.ts";
import { sigmoidCrossEntropy, train } from "../mod.ts";
import { SHAPE } from "./_stripes.ts";

const labels = Float32Array.from({ length: 2 * 96 }, (_, i) => (i >> 1 >> (i & 1)) & 1); // [96, 2]: rows, columns
const valueOf = (n: number, row: number, column: number) => labels[2 * n]! * row + labels[2 * n + 1]! * column;
const images = Float32Array.from(
  { length: 64 * 96 },
  (_, i) => valueOf(i >> 6, (i >> 3) & 1, i & 1) + Math.random() / 5,
);
const data = { images, labels, count: 96, shape: SHAPE };

const first = conv("conv1", { channels: 8, kernel: 3, activation: "relu" });
const network = sequential("labels", [first, dense("dense1", { channels: 2 })]);
using device = await openDevice();
const model = await openModel(device, { network, input: SHAPE }, { loss: sigmoidCrossEntropy() });
await train(model, data, { epochs: 30, batch: 32, optimizer: adam(), learningRate: 0.03 });
console.log(`labels that are wrong: ${(await evaluate(model, data)).error.toFixed(1)} %`);
const [rows, columns] = await predict(model, images.subarray(3 * 64, 4 * 64));
console.log(`of both: rows ${rows!.toFixed(2)}, columns ${columns!.toFixed(2)}`);
