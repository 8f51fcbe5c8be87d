import { test } from "uvu";
import * as assert from "uvu/assert";
import { UserError } from "../../core/host/errors.ts";
import { generateShapes, SHAPE_CLASSES } from "../../data/datasets/shapes.ts";

const IMAGE = 32 * 32 * 3;
const { images, labels, count, shape } = generateShapes(7, "train", 200);

test("has the promised shape, labels and values", () => {
  assert.is(SHAPE_CLASSES.length, 10);
  assert.is(new Set(SHAPE_CLASSES).size, 10);
  assert.is(count, 200);
  assert.equal(shape, [32, 32, 3]);
  assert.is(images.length, 200 * IMAGE);
  assert.ok(labels.every((label, i) => label === i % 10));
  assert.ok(images.every((value) => Number.isInteger(value) && value >= 0 && value <= 255));
});

test("is a function of seed, split and index alone", () => {
  // Not assert.equal: its diff of two long arrays takes minutes.
  const agrees = (other: Float32Array) => other.every((value, i) => value === images[i]);
  assert.ok(agrees(generateShapes(7, "train", 20).images));
  assert.not(agrees(generateShapes(8, "train", 1).images));
  assert.not(agrees(generateShapes(7, "test", 1).images));
});

test("repeats no image, within a split or across", () => {
  const all = [images, generateShapes(7, "test", 200).images];
  const seen = new Set(all.flatMap((split) => Array.from({ length: 200 }, (_, i) => key(split, i))));
  assert.is(seen.size, 400);

  function key(split: Float32Array, i: number): string {
    return split.slice(i * IMAGE, (i + 1) * IMAGE).join();
  }
});

test("sets every shape off from its ground", () => {
  // Otsu's threshold: of the best split of the pixels by luma, how far apart the two halves' means are.
  for (let i = 0; i < count; i++) {
    const lumas = Array.from({ length: 1024 }, (_, pixel) => {
      const at = i * IMAGE + 3 * pixel;
      return 0.299 * images[at]! + 0.587 * images[at + 1]! + 0.114 * images[at + 2]!;
    }).sort((a, b) => a - b);
    const total = lumas.reduce((a, b) => a + b, 0);
    let [best, gap, sum] = [0, 0, 0];
    for (let n = 1; n < 1024; n++) {
      sum += lumas[n - 1]!;
      const between = (total - sum) / (1024 - n) - sum / n;
      if (n * (1024 - n) * between ** 2 > best) [best, gap] = [n * (1024 - n) * between ** 2, between];
    }
    assert.ok(gap > 40, `image ${i} (${SHAPE_CLASSES[labels[i]!]}): ${gap}`);
  }
});

test("rejects a count that is not a positive integer", () => {
  for (const wrong of [0, -1, 2.5, NaN]) {
    assert.throws(() => generateShapes(1, "train", wrong), (error: unknown) => error instanceof UserError);
  }
});

test.run();
