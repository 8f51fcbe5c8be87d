/** Names what a picture shows, with a trained network: `classify_image.ts RUN_OR_CHECKPOINT IMAGE`. */
import process from "node:process";
import { classNames, loadModel, openDevice, predict, preprocess, readImage, resizeTo } from "../mod.ts";

const [checkpoint, path] = process.argv.slice(2);
if (checkpoint === undefined || path === undefined) {
  console.log("Usage: classify_image.ts RUN_OR_CHECKPOINT IMAGE, as runs/allcnn-c-0 cat.jpg");
} else {
  const device = await openDevice(), model = await loadModel(device, checkpoint);
  const image = await readImage(path), [height, width] = model.input;
  const { pixels } = await resizeTo(image, height, width);
  const probabilities = await predict(model, await preprocess(model, Float32Array.from(pixels)));
  const ranked = classNames(model.config!.dataset).map((name, index) => ({ name, probability: probabilities[index]! }));
  ranked.sort((a, b) => b.probability - a.probability);
  console.log(`${path}, ${image.shape[1]}x${image.shape[0]} pixels, shows:`);
  for (const { name, probability } of ranked.slice(0, 5)) console.log(`${(100 * probability).toFixed(1)} % ${name}`);
  device.close();
}
