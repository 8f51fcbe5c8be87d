/** `npm run samples`: draws models/samples/, a picture of 32x32 pixels for each class of CIFAR-10. */
import { writeFile } from "../core/host/files.ts";
import { svgToPng } from "../report/png.ts";
import { SAMPLES, sampleSvg } from "./sample_drawings.ts";

const SIDE = 32;

for (const name of Object.keys(SAMPLES)) {
  await writeFile(`models/samples/${name}.png`, await svgToPng(sampleSvg(name), SIDE));
}
console.log(`models/samples: ${Object.keys(SAMPLES).join(", ")}`);
