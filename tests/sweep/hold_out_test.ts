import { test } from "uvu";
import * as assert from "uvu/assert";
import { loadExamples } from "../../training/preprocess.ts";

const source = (holdOut: number | undefined) => ({
  config: { name: "shapes", preprocess: [], ...holdOut === undefined ? {} : { holdOut } } as const,
  directory: null,
});

test("held-out images are the last of the training images, trained on by nobody, and evaluated instead of the test images", async () => {
  const all = await loadExamples(source(undefined), "train"), size = 32 * 32 * 3;
  const train = await loadExamples(source(5900), "train"), held = await loadExamples(source(5900), "test", 50);
  assert.equal([train.count, held.count], [all.count - 5900, 50]);
  assert.ok(train.images.every((value, i) => value === all.images[i]));
  assert.ok(held.images.every((value, i) => value === all.images[100 * size + i]));
  assert.is(train.images.length, 100 * size);
  assert.equal([...train.labels, ...held.labels], [...all.labels.subarray(0, 150)]);
  const refused = await loadExamples(source(6000), "train").then(() => "", ({ message }: Error) => message);
  assert.is(refused, "Cannot hold out 6000 training examples: there are 6000 of them, set dataset.holdOut to fewer");
});

test.run();
