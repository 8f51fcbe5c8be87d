import * as z from "zod";
import { idxKind } from "../idx.ts";
import type { DatasetKind } from "./dataset_kind.ts";

/** Handwritten digits (LeCun, Cortes and Burges 1998). */
export const mnist: DatasetKind<"mnist", object> = {
  key: "mnist",
  hub: "ylecun/mnist",
  about: "70 000 handwritten digits, grey, 28x28 pixels",
  schema: z.strictObject({}),
  classes: () => Array.from("0123456789"),
  ...idxKind({ name: "MNIST", folder: "MNIST/raw" }),
};
