import * as z from "zod";
import type { LearningKind } from "../kind.ts";
import { type InitialValues, normal } from "./normal.ts";

/** What `heNormal` of a config says. */
export interface HeNormalConfig {
  /** By fan-in, which is the default, or by fan-out. */
  readonly fan?: "in" | "out" | undefined;
}

/** Deviation sqrt(2 / fan-in), or by fan-out (He et al. 2015, arXiv 1502.01852, section 2.2). */
export const heNormal: LearningKind<"heNormal", InitialValues, HeNormalConfig> = {
  key: "heNormal",
  schema: z.strictObject({ fan: z.enum(["in", "out"]).optional() }).describe(
    "Normal, deviation sqrt(2 / fan-in), or with fan: out sqrt(2 / fan-out)",
  ),
  build: ({ fan = "in" }) => normal(({ fanIn, fanOut }) => Math.sqrt(2 / (fan === "in" ? fanIn : fanOut))),
};
