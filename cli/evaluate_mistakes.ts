/** The picture of `allcnn evaluate --mistakes`: what the network was most sure of, and wrong. */
import { drawCaptionedPictures } from "../report/captioned_pictures.ts";
import { pixelPicture } from "../report/signal_picture.ts";
import { imageShape } from "../data/datasets/mod.ts";
import { openPixels } from "../training/example_pixels.ts";
import type { Source } from "../training/preprocess.ts";
import type { Evaluated } from "./evaluate_text.ts";

/** How many there are at most, in rows of `COLUMNS`. */
export const MISTAKES = 20;
const COLUMNS = 5;

/** Draws the mistakes, images as they are stored. Throws `UserError` where these cannot be read. */
export async function mistakesPicture(
  { name, classes, mistakes, statistics: { error } }: Evaluated,
  source: Source,
): Promise<Uint8Array> {
  const examples = await openPixels(source, "test"), [height, width] = imageShape(source.config);
  return await drawCaptionedPictures({
    title: `${name}: the most confident of ${error.count} mistakes`,
    note: `of ${error.examples} images; the number is that of evaluate --predictions and visualize --index`,
    columns: COLUMNS,
    pictures: await Promise.all(mistakes.map(async ({ index, label, predicted, probability }) => ({
      picture: pixelPicture(await examples.read(index), { height, width }),
      caption: [
        `true ${classes[label]!}`,
        `predicted ${classes[predicted]!}`,
        `${(100 * probability).toFixed(1)} %, image ${index}`,
      ],
    }))),
  });
}
