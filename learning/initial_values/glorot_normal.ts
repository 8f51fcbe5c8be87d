import * as z from "zod";
import type { LearningKind } from "../kind.ts";
import { type InitialValues, normal } from "./normal.ts";

/** Deviation sqrt(2 / (fan-in + fan-out)) (Glorot and Bengio 2010, formula 12). */
export const glorotNormal: LearningKind<"glorotNormal", InitialValues, Readonly<Record<string, never>>> = {
  key: "glorotNormal",
  schema: z.strictObject({}).describe("Normal, deviation sqrt(2 / (fan-in + fan-out))"),
  build: () => normal(({ fanIn, fanOut }) => Math.sqrt(2 / (fanIn + fanOut))),
};
