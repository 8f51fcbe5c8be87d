/** What a network sees of pictures from files: the crops that evaluation and training cut out of them. */
import type { Config } from "../configs/schema.ts";
import { readStoredFile } from "../core/host/files.ts";
import { decodeCrop, MIDDLE } from "../data/crop.ts";
import { cropsOf } from "../data/datasets/mod.ts";
import { checkDecoder, decodeImage, resizeTo } from "../data/image.ts";
import { pathOf } from "../data/image_folder.ts";
import type { Picture } from "../report/tile_grid.ts";
import type { Previewed } from "./preview.ts";
import { listSplit } from "./preprocess.ts";
import { trainingCrop } from "./streamed.ts";

/** A whole picture, its longer side as long as a crop. */
async function whole(bytes: Uint8Array, path: string, side: number): Promise<Picture> {
  const image = await decodeImage(bytes, path), [height, width] = image.shape, longest = Math.max(height, width);
  const scaled = (length: number) => Math.max(1, Math.round(length * side / longest));
  const { shape, pixels } = await resizeTo(image, scaled(height), scaled(width));
  return { height: shape[0], width: shape[1], pixels };
}

/** The first `images` training pictures, `variants` crops of each. Throws `UserError` where one cannot be read. */
export async function previewPictures(
  { dataset }: Config,
  directory: string | null,
  { images, variants, seed }: { readonly images: number; readonly variants: number; readonly seed: number },
): Promise<Previewed[]> {
  await checkDecoder();
  const folder = await listSplit({ config: { ...dataset, trainExamples: images }, directory }, "train");
  const crops = cropsOf(dataset)!, { crop } = crops;
  const rows: Previewed[] = [];
  for (const [n, label] of folder.labels.entries()) {
    const path = pathOf(folder, n), bytes = await readStoredFile(path);
    const seen = async (where: Parameters<typeof decodeCrop>[2]): Promise<Picture> => ({
      width: crop,
      height: crop,
      pixels: await decodeCrop(bytes, path, where),
    });
    const drawn: Picture[] = [];
    for (let step = 0; step < variants; step++) drawn.push(await seen(trainingCrop(crops, seed, step, n)));
    rows.push({
      label,
      name: folder.classes[label]!,
      image: await whole(bytes, path, crop),
      plain: await seen({ ...crops, ...MIDDLE }),
      variants: drawn,
    });
  }
  return rows;
}
