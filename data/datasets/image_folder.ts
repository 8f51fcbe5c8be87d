import * as z from "zod";
import type { Crops } from "../crop.ts";
import { listImageFolder } from "../image_folder.ts";
import type { DatasetKind } from "./dataset_kind.ts";

const schema = z.strictObject({
  shortSide: z.int().min(1).max(4096).describe("Images are resized until their short side has so many pixels"),
  crop: z.int().min(1).max(4096).describe("Height and width: a random crop in training, else the middle"),
  flip: z.boolean().describe("Mirror left to right with probability 1/2, in training"),
  classes: z.array(z.string().min(1)).min(1).optional().describe(
    "Names of the classes, in the order of the labels, for a network that knows them; by default the folders tell them",
  ),
}, { error: "expected shortSide, crop and flip" }).refine(({ crop, shortSide }) => crop <= shortSide, {
  error: "crop must be at most shortSide",
}).describe("How the pictures of an imageFolder become images of one size");

export const imageFolder: DatasetKind<"imageFolder", { readonly imageFolder: Crops }> = {
  key: "imageFolder",
  about: "train/ and val/ with a folder per class",
  schema: z.strictObject({ imageFolder: schema }),
  files: "train/ and val/",
  classes: ({ imageFolder }) => imageFolder.classes ?? [],
  shape: ({ imageFolder: { crop } }) => [crop, crop, 3],
  count: () => Infinity,
  pictures: {
    crops: ({ imageFolder }) => imageFolder,
    list: ({ directory, split, limit }, known) =>
      listImageFolder(directory, split === "train" ? "train" : "val", { limit, known }),
  },
};
