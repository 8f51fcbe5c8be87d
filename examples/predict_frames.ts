/** Classes of frames as they come, many at once: here objects like `ImageData`; in a browser also a video's `VideoFrame`. */
import { loadConfig, openDevice, openModel, openPredictor } from "../mod.ts";

using device = await openDevice();
const model = await openModel(device, await loadConfig("quickstart"), { seed: 1 });
await using predictor = await openPredictor(model, { batch: 8 });
const frame = (grey: number) => ({ data: new Uint8ClampedArray(4 * 64 * 48).fill(grey), width: 64, height: 48 });
const predictions = await Promise.all([0, 50, 100, 150, 200].map((grey) => predictor.predict(frame(grey))));
for (const { classes, probabilities } of predictions) {
  console.log(`class ${classes[0]}, probability ${probabilities[classes[0]!]!.toFixed(2)}`);
}
