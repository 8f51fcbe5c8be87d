/** The data of the examples: 8x8 grey images of stripes along the rows, along the columns, or of noise alone. */
import type { Dataset } from "../mod.ts";

export const CLASSES = ["rows", "columns", "noise"], SHAPE = [8, 8, 1] as const;

/** `count` labelled images: [count, 8, 8, 1], one after the other. */
export function stripes(count: number): Dataset {
  const images = new Float32Array(count * 64), labels = Uint32Array.from({ length: count }, (_, i) => i % 3);
  images.forEach((_, i) => {
    const label = labels[Math.floor(i / 64)], row = Math.floor(i / 8) % 8, column = i % 8;
    const signal = label === 2 ? 0 : ((label === 0 ? row : column) % 2 === 0 ? 1 : -1);
    images[i] = signal + Math.random() - 0.5;
  });
  return { images, labels, count, shape: SHAPE };
}
