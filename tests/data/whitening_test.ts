import { test } from "uvu";
import * as assert from "uvu/assert";
import { globalContrastNormalize } from "../../data/transforms/gcn.ts";
import { generateShapes } from "../../data/datasets/shapes.ts";
import { fitWhitening, inverseSquareRoot, largestEigenvalue, scalings } from "../../data/whitening.ts";
import { whiten } from "../../data/whitening_apply.ts";
import { gpu, random } from "../_gpu.ts";

/** Largest element of |P A P - I|, all [side, side]. */
function residual(p: ArrayLike<number>, a: ArrayLike<number>, side: number): number {
  const times = (x: ArrayLike<number>, y: ArrayLike<number>) => {
    const z = new Float64Array(side * side);
    for (let i = 0; i < side; i++) {
      for (let k = 0; k < side; k++) {
        for (let j = 0; j < side; j++) z[i * side + j]! += x[i * side + k]! * y[k * side + j]!;
      }
    }
    return z;
  };
  return times(times(p, a), p).reduce((most, value, i) => {
    return Math.max(most, Math.abs(value - (i % (side + 1) === 0 ? 1 : 0)));
  }, 0);
}

test("global contrast normalization gives every image mean 0 and the norm that was asked for", () => {
  const images = Float32Array.from(random(3 * 12), (value) => 40 * value + 100);
  images.fill(7, 24); // a constant image has no contrast to normalize
  globalContrastNormalize(images, 12, 55);
  for (const start of [0, 12]) {
    const image = images.subarray(start, start + 12);
    assert.ok(Math.abs(image.reduce((sum, value) => sum + value, 0)) < 1e-4);
    assert.ok(Math.abs(Math.hypot(...image) - 55) < 1e-4);
  }
  assert.ok(images.subarray(24).every((value) => value === 0));
});

test("power iteration finds the largest eigenvalue", () => {
  assert.ok(Math.abs(largestEigenvalue(Float64Array.from([2, 1, 0, 1, 2, 0, 0, 0, 1]), 3) - 3) < 1e-9);
});

test("the scalings take every singular value from `low` to 1 close to 1", () => {
  for (const low of [0.0146, 0.1, 0.9]) {
    for (const start of [low, 0.5 + low / 2, 1]) {
      const end = scalings(low).reduce((s, rho) => rho * s * (3 - (rho * s) ** 2) / 2, start);
      assert.ok(Math.abs(end - 1) < 1e-9, `${low} ${start} ${end}`);
    }
    assert.ok(scalings(low).length <= 10);
  }
});

test("the inverse square root of an ill-conditioned matrix, as CIFAR-10's covariance is, has a small residual", async () => {
  const side = 40, epsilon = 0.1, noise = random(side * side);
  // Eigenvalues fall from some 400 to almost 0 along random directions.
  const matrix = new Float64Array(side * side);
  for (let k = 0; k < side; k++) {
    for (let i = 0; i < side; i++) {
      for (let j = 0; j < side; j++) {
        matrix[i * side + j]! += 40 * Math.exp(-k / 3) * noise[k * side + i]! * noise[k * side + j]!;
      }
    }
  }
  const p = await inverseSquareRoot(await gpu(), matrix, side, epsilon);
  const shifted = matrix.map((value, i) => value + (i % (side + 1) === 0 ? epsilon : 0));
  assert.ok(residual(p, shifted, side) < 1e-3, String(residual(p, shifted, side)));
});

test("whitened images have mean 0 and the covariance C (C + epsilon I)^-1, in chunks of any size", async () => {
  const context = await gpu(), size = 48, count = 300, epsilon = 0.1;
  // The first 48 values of generated images, contrast-normalized: correlated, as neighbouring pixels are.
  const source = generateShapes(1, "train", count).images;
  const images = new Float32Array(count * size);
  for (let n = 0; n < count; n++) images.set(source.subarray(n * 3072 + 1500, n * 3072 + 1500 + size), n * size);
  globalContrastNormalize(images, size, Math.sqrt(size));
  const chunked = { ...context, limits: { ...context.limits, bindingBytes: 6 * 4 * size * 70 } }; // 70 rows at once
  const whitening = await fitWhitening(chunked, images, size, epsilon);
  const covariance = (x: Float32Array) => {
    const c = new Float64Array(size * size);
    for (let n = 0; n < count; n++) {
      for (let i = 0; i < size; i++) {
        for (let j = 0; j < size; j++) c[i * size + j]! += x[n * size + i]! * x[n * size + j]! / count;
      }
    }
    return c;
  };
  const centred = images.map((value, i) => value - whitening.mean[i % size]!);
  const shifted = covariance(centred).map((value, i) => value + (i % (size + 1) === 0 ? epsilon : 0));
  assert.ok(residual(whitening.matrix, shifted, size) < 1e-3);
  await whiten(chunked, images, whitening);
  // x P has covariance P C P = I - epsilon P P.
  const p = whitening.matrix, actual = covariance(images);
  for (let i = 0; i < size; i++) {
    const row = p.subarray(i * size, (i + 1) * size);
    const expected = 1 - epsilon * row.reduce((sum, value) => sum + value * value, 0);
    assert.ok(Math.abs(actual[i * size + i]! - expected) < 1e-3, `variance ${i}`);
  }
});

test.run();
