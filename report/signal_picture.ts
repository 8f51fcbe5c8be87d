/** Signals at the pixels as pictures: real numbers of any size to bytes. */
import type { Picture } from "./tile_grid.ts";

/** How a signal becomes colours, and how a picture's note says it. */
export const SCALES = {
  symmetric: "colours scaled per picture: grey is 0, black and white the largest value",
  minmax: "colours scaled per picture: black is the smallest value, white the largest",
} as const;
export type Scale = keyof typeof SCALES;

/** Values [height, width, channels] as a picture; all equal ones are grey. */
export function signalPicture(
  values: Float32Array,
  { height, width }: { readonly height: number; readonly width: number },
  scale: Scale,
): Picture {
  let low = Infinity, high = -Infinity;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (scale === "symmetric") [low, high] = [Math.min(low, -high), Math.max(high, -low)];
  const range = high - low;
  return pixelPicture(values.map((value) => range > 0 ? 255 * (value - low) / range : 127.5), { height, width });
}

/** Values 0 ... 255 [height, width, channels] as a picture. */
export function pixelPicture(
  values: Float32Array,
  { height, width }: { readonly height: number; readonly width: number },
): Picture {
  return { height, width, pixels: Uint8Array.from(Uint8ClampedArray.from(values)) };
}
