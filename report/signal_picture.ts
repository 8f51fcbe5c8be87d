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

/** Colours of an overlay, red and blue of equal lightness: what speaks for a unit, and what against it. */
const FOR = [213, 94, 0], AGAINST = [0, 114, 178]; // told apart by the colour-blind too (Okabe and Ito)

/** Light grey, so that colours on it count. */
const faded = (grey: number) => 128 + grey / 2;

/**
 * A signal [height, width, channels] laid over the grey image of pixels 0 ... 255: the sum of a pixel's channels, the
 * more colour the larger it is.
 */
export function overlayPicture(
  pixels: Float32Array,
  values: Float32Array,
  { height, width }: { readonly height: number; readonly width: number },
): Picture {
  const count = height * width, channels = values.length / count, sums = new Float32Array(count);
  values.forEach((value, i) => sums[Math.floor(i / channels)]! += value);
  const largest = sums.reduce((most, sum) => Math.max(most, Math.abs(sum)), 0), drawn = new Uint8Array(3 * count);
  const colours = pixels.length / count;
  for (let at = 0; at < count; at++) {
    let grey = 0;
    for (let c = 0; c < colours; c++) grey += pixels[at * colours + c]! / colours;
    const share = largest > 0 ? Math.abs(sums[at]!) / largest : 0, colour = sums[at]! < 0 ? AGAINST : FOR;
    for (let c = 0; c < 3; c++) drawn[3 * at + c] = Math.round((1 - share) * faded(grey) + share * colour[c]!);
  }
  return { height, width, pixels: drawn };
}

/** A strip of what `overlayPicture` draws: from what speaks most against a unit to what speaks most for it. */
export function overlayBar(): Picture {
  const width = 128, values = Float32Array.from({ length: width }, (_, x) => 2 * x / (width - 1) - 1);
  return overlayPicture(new Float32Array(width).fill(255), values, { height: 1, width });
}
