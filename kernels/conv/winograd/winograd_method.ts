/** Convolutions of 3x3 with stride 1 by Winograd's minimal filtering (winograd.ts) around the products of any family. */
import type { ConvTuning, Family, WeightTuning } from "../families/family.ts";
import type { Method } from "../method.ts";
import { winogradProduct } from "./winograd_product.ts";
import type { WinogradTuning } from "./winograd_tuning.ts";
import { winogradWeight } from "./winograd_weight.ts";

type WinogradMethod = Method<WinogradTuning<ConvTuning>, WinogradTuning<WeightTuning>>;

export const winogradMethod = (families: readonly Family[]): WinogradMethod => ({
  key: "winograd",
  proven: true, // executed by the tests, in software; its products are float32, so never on matrix units
  product: winogradProduct(families),
  weight: winogradWeight(families),
});
