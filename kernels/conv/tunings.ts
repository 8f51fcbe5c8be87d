/** All ways to compute a convolution: which tunings fit a device, the likely fastest first, and the method of each. */
import { ceilDiv } from "../wgsl.ts";
import { type ConvProblem, tapsOf } from "./conv_problem.ts";
import { MOST_TERMS } from "./shares.ts";
import { byEstimate } from "./estimate.ts";
import { type ConvTuning, listed, recordOf } from "./families/family.ts";
import { FAMILIES } from "./families/mod.ts";
import type { Method } from "./method.ts";
import type { PixelProduct } from "./operands/pixel_product.ts";
import { plainMethod } from "./plain_method.ts";
import type { Limits } from "../kernel.ts";
import { winogradMethod } from "./winograd/winograd_method.ts";

const METHODS: readonly Method[] = listed<Method>([...FAMILIES.map(plainMethod), winogradMethod(FAMILIES)]);

/** Throws where a tuning names none. */
export const methodOf = (tuning: ConvTuning): Method => recordOf(METHODS, tuning);

/** Sorted by estimate, but for the first, the default: it must be proven. */
function ordered(tunings: readonly ConvTuning[], seconds: (tuning: ConvTuning) => number): ConvTuning[] {
  const sorted = byEstimate(tunings, seconds), first = sorted.find((tuning) => methodOf(tuning).proven);
  return first === undefined ? [] : [first, ...sorted.filter((tuning) => tuning !== first)];
}

/** Tunings that compute every one of `products`, which differ in their axes alone. */
export function productTunings(products: readonly PixelProduct[], limits: Limits): ConvTuning[] {
  const [first] = products;
  if (first === undefined || (first.dtype === "f16" && !limits.f16)) return [];
  return ordered(
    METHODS.flatMap(({ product }) => product.candidates(first, limits)),
    (tuning) => products.reduce((sum, g) => sum + methodOf(tuning).product.seconds(g, tuning, limits), 0),
  );
}

/**
 * Most bytes of the shares of a weight gradient: they are written and read once more, and lie beside all activations. As
 * much as WebGPU binds by default; a choice, not measured.
 */
const MAX_SHARE_BYTES = 2 ** 27;

const sharesOf = ({ parts = Number.MAX_SAFE_INTEGER }: ConvTuning) => parts;

export function weightTunings(p: ConvProblem, limits: Limits): ConvTuning[] {
  if (p.dtype === "f16" && !limits.f16) return [];
  const bytes = 4 * tapsOf(p) * p.inChannels * p.outChannels;
  const most = Math.min(p.batch * p.outHeight, Math.floor(Math.min(limits.bindingBytes, MAX_SHARE_BYTES) / bytes));
  const least = ceilDiv(p.batch * p.outHeight * p.outWidth, MOST_TERMS);
  const within = (parts: number) => Math.max(1, Math.min(Math.max(parts, least), most));
  const splits = [...new Set([1, 4, 8, 16, 32, 64, 128, 256, 512].map(within))];
  const tunings = METHODS.flatMap(({ weight }) => weight.candidates(p, splits, limits));
  return ordered(
    tunings.sort((a, b) => sharesOf(a) - sharesOf(b)), // of equal estimates, the one with fewer shares
    (tuning) => methodOf(tuning).weight.seconds(p, tuning, limits),
  );
}
