/** A loss of one's own, in two expressions, with clipped gradients: a network that tells how bright an image is. */
import { dense, elementwiseLoss, openDevice, openModel, predict, sequential, sgd, train } from "../mod.ts";
import { SHAPE } from "./_stripes.ts";

const levels = Float32Array.from({ length: 64 }, () => 4 * Math.random()); // one of ten is labelled wrongly
const images = Float32Array.from({ length: 64 * 64 }, (_, i) => levels[Math.floor(i / 64)]! + Math.random() - 0.5);
const labels = levels.map((level, n) => n % 10 === 0 ? 100 : level);

const huber = elementwiseLoss("huber", {
  loss: "select(abs(y - t) - 0.5, 0.5 * (y - t) * (y - t), abs(y - t) < 1.0)",
  dy: "clamp(y - t, -1.0, 1.0)",
});
using device = await openDevice();
const network = sequential("brightness", [dense("dense1", { channels: 1 })]);
const model = await openModel(device, { network, input: SHAPE }, { loss: huber });
await train(model, { images, labels, count: 64, shape: SHAPE }, {
  ...{ epochs: 100, batch: 32, optimizer: sgd({ momentum: 0.9, weightDecay: 0 }), learningRate: 0.003, clipNorm: 1 },
});
const [two, three] = await predict(model, new Float32Array(128).fill(2).fill(3, 64));
console.log(`of brightness 2 and 3: ${two!.toFixed(1)} and ${three!.toFixed(1)}`);
