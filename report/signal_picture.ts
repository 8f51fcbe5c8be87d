/** Signals at the pixels as pictures: real numbers of any size to bytes. */
import type { Picture } from "./tile_grid.ts";

/** How a signal becomes colours, and how a picture's note says it. */
export const SCALES = {
  symmetric: "colours scaled per picture: grey is 0, black and white the largest value",
  minmax: "colours scaled per picture: black is the smallest value, white the largest",
} as const;
export type Scale = keyof typeof SCALES;

/** What the colours of a picture of these values reach from and to. */
export function rangeOf(values: Float32Array, scale: Scale): readonly [low: number, high: number] {
  let low = Infinity, high = -Infinity;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return scale === "symmetric" ? [Math.min(low, -high), Math.max(high, -low)] : [low, high];
}

/** Values [height, width, channels] as a picture; all equal ones are grey. */
export function signalPicture(
  values: Float32Array,
  { height, width }: { readonly height: number; readonly width: number },
  scale: Scale,
): Picture {
  const [low, high] = rangeOf(values, scale);
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

/** Values [..., channels] summed over the channels: what a pixel contributes. */
export function channelSums(values: Float32Array, channels: number): Float32Array {
  const sums = new Float32Array(values.length / channels);
  values.forEach((value, i) => sums[Math.floor(i / channels)]! += value);
  return sums;
}

/** Values [height, width] laid over the grey image of pixels 0 ... 255: the more colour the larger they are. */
export function overlayPicture(
  pixels: Float32Array,
  sums: Float32Array,
  { height, width }: { readonly height: number; readonly width: number },
): Picture {
  const count = height * width, largest = rangeOf(sums, "symmetric")[1], drawn = new Uint8Array(3 * count);
  const colours = pixels.length / count;
  for (let at = 0; at < count; at++) {
    let grey = 0;
    for (let c = 0; c < colours; c++) grey += pixels[at * colours + c]! / colours;
    const share = largest > 0 ? Math.abs(sums[at]!) / largest : 0, colour = sums[at]! < 0 ? AGAINST : FOR;
    for (let c = 0; c < 3; c++) drawn[3 * at + c] = Math.round((1 - share) * faded(grey) + share * colour[c]!);
  }
  return { height, width, pixels: drawn };
}

/** From -1 to 1, from the left end of a strip of colours to its right end. */
const STRIP = Float32Array.from({ length: 128 }, (_, x) => 2 * x / 127 - 1), STRIP_SIZE = { height: 1, width: 128 };

/** A strip of what `overlayPicture` draws: from what speaks most against a unit to what speaks most for it. */
export const overlayBar = (): Picture => overlayPicture(new Float32Array(STRIP.length).fill(255), STRIP, STRIP_SIZE);

/** A strip of what `signalPicture` draws of values that are equal in all channels. */
export const signalBar = (): Picture => signalPicture(STRIP, STRIP_SIZE, "symmetric");
