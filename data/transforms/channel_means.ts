import * as z from "zod";
import { pixelTransform, type TransformKind } from "./transform_kind.ts";

/** Subtracts from each channel a number of its own. */
export const channelMeans: TransformKind<"channelMeans", readonly number[]> = pixelTransform({
  key: "channelMeans",
  schema: z.array(z.number().min(0).max(255)).min(1).max(16).describe(
    "Subtracted from each channel: red, green and blue, or grey alone",
  ),
  pixels: (subtract) => ({ subtract, divide: 1 }),
});
