import * as z from "zod";
import { pixelTransform, type TransformKind } from "./transform_kind.ts";

/** What `scale` of a config says. */
export interface ScaleConfig {
  /** Subtracted from each value, first. */
  readonly subtract: number;
  /** What is left is divided by it. */
  readonly divide: number;
}

/** (value - subtract) / divide */
export const scale: TransformKind<"scale", ScaleConfig> = pixelTransform({
  key: "scale",
  schema: z.strictObject({ subtract: z.number().min(-1e6).max(1e6), divide: z.number().min(1e-6).max(1e6) }).describe(
    "(value - subtract) / divide",
  ),
  alike: true,
  pixels: (options) => options,
});
