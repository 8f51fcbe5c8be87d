/** Trains a small network on arrays: 8x8 grey images of stripes along the rows, along the columns, or of noise alone. */
import { conv, type Dataset, evaluate, globalAveragePool, maxPool, openDevice } from "../mod.ts";
import { openModel, predict, sequential, train } from "../mod.ts";

const CLASSES = ["rows", "columns", "noise"], SIDE = 8;

/** `count` labelled images: [count, 8, 8, 1], one after the other. */
function stripes(count: number): Dataset {
  const images = new Float32Array(count * SIDE * SIDE), labels = Uint32Array.from({ length: count }, (_, i) => i % 3);
  images.forEach((_, i) => {
    const label = labels[Math.floor(i / SIDE ** 2)], row = Math.floor(i / SIDE) % SIDE, column = i % SIDE;
    const signal = label === 2 ? 0 : ((label === 0 ? row : column) % 2 === 0 ? 1 : -1);
    images[i] = signal + Math.random() - 0.5;
  });
  return { images, labels, count, shape: [SIDE, SIDE, 1] };
}

const network = sequential("stripes", [
  conv("conv1", { channels: 8, kernel: 3, padding: "same", activation: "relu" }),
  maxPool("pool1", { kernel: 2, stride: 2 }),
  conv("conv2", { channels: CLASSES.length, kernel: 1 }),
  globalAveragePool("average"),
]);
const device = await openDevice();
const model = await openModel(device, { network, input: [SIDE, SIDE, 1] });
const test = stripes(32);
await train(model, stripes(96), {
  epochs: 6,
  batch: 32,
  learningRate: { base: 0.1 },
  optimizer: { sgd: { momentum: 0.9, weightDecay: 0.001 } },
  onEpoch: ({ epoch, trainLoss }) => console.log(`epoch ${epoch}: loss ${trainLoss.toFixed(3)}`),
});
console.log(`error on ${test.count} new images: ${(await evaluate(model, test)).error.toFixed(1)} %`);
const [rows, columns, noise] = await predict(model, test.images.subarray(0, SIDE * SIDE));
console.log(`the first is of rows: ${rows!.toFixed(2)}, columns: ${columns!.toFixed(2)}, noise: ${noise!.toFixed(2)}`);
device.close();
