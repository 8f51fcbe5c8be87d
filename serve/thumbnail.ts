import type { Crop } from "../explain/crop.ts";

/** Pixels of the longer side that are enough to recognize a patch. */
const SIDE = 48;

/** A smaller picture of a large patch: means of whole blocks of pixels. One that is small enough stays as it is. */
export function thumbnail({ height, width, values }: Crop): Pick<Crop, "height" | "width" | "values"> {
  const block = Math.ceil(Math.max(height, width) / SIDE);
  if (block === 1) return { height, width, values };
  const rows = Math.max(1, Math.floor(height / block)), columns = Math.max(1, Math.floor(width / block));
  const channels = values.length / (height * width);
  const means = new Float32Array(rows * columns * channels), share = 1 / block ** 2;
  for (let y = 0; y < rows * block; y++) {
    for (let x = 0; x < columns * block; x++) {
      const from = channels * (Math.min(y, height - 1) * width + Math.min(x, width - 1));
      const to = channels * (Math.floor(y / block) * columns + Math.floor(x / block));
      for (let channel = 0; channel < channels; channel++) means[to + channel]! += share * values[from + channel]!;
    }
  }
  return { height: rows, width: columns, values: means };
}
