/**
 * Global contrast normalization as in pylearn2 (the paper follows Goodfellow et al. 2013): from each image subtract
 * its mean over all values, then divide by its Euclidean norm / `scale`. An image of norm below 1e-8 stays centred.
 * In place; `size` values per image.
 */
export function globalContrastNormalize(images: Float32Array, size: number, scale: number): void {
  for (let start = 0; start < images.length; start += size) {
    let sum = 0;
    for (let i = start; i < start + size; i++) sum += images[i]!;
    const mean = sum / size;
    let squares = 0;
    for (let i = start; i < start + size; i++) squares += (images[i]! - mean) ** 2;
    const norm = Math.sqrt(squares) / scale;
    const factor = norm < 1e-8 ? 1 : 1 / norm;
    for (let i = start; i < start + size; i++) images[i] = (images[i]! - mean) * factor;
  }
}
