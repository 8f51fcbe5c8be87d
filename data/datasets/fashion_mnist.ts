import * as z from "zod";
import { idxKind } from "../idx.ts";
import type { DatasetKind } from "./dataset_kind.ts";

const CLASSES: readonly string[] = [
  "t-shirt",
  "trouser",
  "pullover",
  "dress",
  "coat",
  "sandal",
  "shirt",
  "sneaker",
  "bag",
  "ankle_boot",
];

/** Photos of clothes, of the format of MNIST (Xiao, Rasul and Vollgraf 2017, arXiv 1708.07747). */
export const fashionMnist: DatasetKind<"fashionMnist", object> = {
  key: "fashionMnist",
  hub: "zalando-datasets/fashion_mnist",
  about: "70 000 photos of clothes, likewise",
  schema: z.strictObject({}),
  classes: () => CLASSES,
  ...idxKind({ name: "Fashion-MNIST", folder: "FashionMNIST/raw" }),
};
