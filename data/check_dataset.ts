/** Arrays from outside are checked before they go to a device: every mistake there would be a silently wrong result. */
import { UserError } from "../core/host/errors.ts";
import { NO_TARGET } from "../kernels/labels.ts";
import type { Dataset, LabelledImages } from "./dataset.ts";

/** What a model takes: images of [height, width, channels], and labels below `classes`. */
interface Expected {
  readonly images: Dataset["shape"];
  readonly classes: number;
}

/** How many images of `shape` the values are. Throws `UserError` where they are no whole number of finite images. */
export function checkImages(images: Float32Array, shape: Dataset["shape"], name: string): number {
  const [height, width, channels] = shape, size = height * width * channels;
  if (!(images instanceof Float32Array)) {
    const found = (images as object | null)?.constructor?.name ?? String(images);
    throw new UserError(`Cannot use ${name}: images must be a Float32Array, got ${found}`);
  }
  if (images.length % size !== 0) {
    throw new UserError(
      `Cannot use ${name}: ${images.length} values are no whole number of images, one of ${height}x${width}x${channels} ` +
        `has ${size}`,
    );
  }
  const bad = images.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw new UserError(`Cannot use ${name}: value ${bad % size} of image ${Math.floor(bad / size)} is ${images[bad]}`);
  }
  return images.length / size;
}

/** Throws `UserError` where labelled images do not fit a network, or are not what they say; `name` as "the test data". */
export function checkDataset({ images, labels, count, shape }: LabelledImages, expected: Expected, name: string): void {
  const { classes } = expected, wanted = expected.images.join("x");
  if (shape.join("x") !== wanted) {
    throw new UserError(`Cannot use ${name}: its images are ${shape.join("x")}, the network takes ${wanted}`);
  }
  const found = checkImages(images, shape, name);
  if (labels instanceof Float32Array) return checkTargets(labels, { found, count, outputs: classes }, name);
  if (found !== count || labels.length !== count || count === 0) {
    throw new UserError(
      `Cannot use ${name}: it says ${count} examples and has ${found} images and ${labels.length} labels; ` +
        "these must be equal, and at least 1",
    );
  }
  const bad = Array.prototype.findIndex.call(
    labels,
    (label: number) => !Number.isInteger(label) || label < 0 || label >= classes,
  );
  if (bad >= 0) {
    throw new UserError(
      `Cannot use ${name}: the label of example ${bad} is ${
        labels[bad]
      }, the network tells ${classes} classes apart, ` +
        `0 to ${classes - 1}`,
    );
  }
}

function checkTargets(
  targets: Float32Array,
  { found, count, outputs }: { readonly found: number; readonly count: number; readonly outputs: number },
  name: string,
): void {
  if (found !== count || targets.length !== count * outputs || count === 0) {
    throw new UserError(
      `Cannot use ${name}: it says ${count} examples and has ${found} images and ${targets.length} targets; the network ` +
        `has ${outputs} outputs, so ${count} examples need ${count * outputs}`,
    );
  }
  const bad = targets.findIndex((value) => !(Math.abs(value) < NO_TARGET));
  if (bad < 0) return;
  const example = Math.floor(bad / outputs);
  throw new UserError(`Cannot use ${name}: target ${bad % outputs} of example ${example} is ${targets[bad]}`);
}
