/** What an ONNX file says around its network: what goes in and comes out, and what our own files say of their data set. */
import { UserError } from "../core/host/errors.ts";
import type { ImageShape } from "../data/dataset.ts";
import { type DatasetConfig, datasetSchema } from "../data/dataset_config.ts";
import type { Whitening } from "../data/whitening.ts";
import { type Constant, floats } from "./onnx_constants.ts";
import type { Model, Node } from "./onnx_messages.ts";

/** A node, for messages. */
export const titleOf = ({ name, opType, output }: Node): string =>
  `node ${name || output[0] || "without a name"} (${opType})`;

/** The shape of an image and how many there are at once: as the file says it, else as `given`. */
export function imageOf({ graph: { input, initializer } }: Model, given: ImageShape | null, cannot: string) {
  const weights = new Set(initializer.map(({ name }) => name)), images = input.filter(({ name }) => !weights.has(name));
  const names = images.map(({ name }) => name).join(", ");
  if (images.length !== 1) {
    throw new UserError(`${cannot}: it has ${images.length} inputs, ${names}, where one can be read`);
  }
  const dims = images[0]!.type?.tensorType?.shape?.dim ?? [];
  const sizes = dims.map(({ dimValue = 0 }) => dimValue > 0 ? dimValue : null),
    shown = sizes.map((size) => size ?? "?");
  const [batch, channels = null, height = null, width = null] = sizes, said = [height, width, channels];
  if (dims.length !== 4) {
    throw new UserError(
      `${cannot}: its input ${names} is [${shown.join(", ")}], an image is [batch, channels, height, width]`,
    );
  }
  const image = said.map((size, axis) => size ?? given?.[axis] ?? null);
  if (image.includes(null)) {
    throw new UserError(
      `${cannot}: its input ${names} is [${shown.join(", ")}]: name the shape of its images, input 32x32x3`,
    );
  }
  const other = given !== null && given.some((size, axis) => size !== image[axis]);
  if (other || image.some((size) => size! > 65_536)) {
    throw new UserError(
      `${cannot}: its input ${names} is [${shown.join(", ")}], not of images of ${(given ?? image).join("x")}`,
    );
  }
  return { name: images[0]!.name, image: image as unknown as ImageShape, batch: batch ?? 1 };
}

/** A data set that the file carries, or null. */
export function datasetOf({ metadataProps }: Model): DatasetConfig | null {
  const text = metadataProps.find(({ key }) => key === "dataset")?.value;
  if (text === undefined) return null;
  try {
    return datasetSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

export function classesOf({ metadataProps }: Model): string[] | null {
  try {
    const names: unknown = JSON.parse(metadataProps.find(({ key }) => key === "classes")?.value ?? "null");
    return Array.isArray(names) && names.every((name) => typeof name === "string") ? names : null;
  } catch {
    return null;
  }
}

/** The graph's logits: its first output, or what a softmax makes it of. */
export function outputOf({ graph: { node, output } }: Model, notes: string[]): string {
  let name = output[0]?.name ?? "";
  for (let left = 3;; left--) {
    const last = node.find(({ output }) => output.includes(name));
    if (left === 0 || last === undefined || !["Softmax", "LogSoftmax"].includes(last.opType)) return name;
    notes.push(`${titleOf(last)} at the end is left out: the network puts out logits`);
    name = last.input[0] ?? "";
  }
}

/** The whitening among the constants of one of our own files, or null. */
export function whiteningIn(
  stored: ReadonlyMap<string, unknown>,
  constant: (name: string) => Constant,
): Whitening | null {
  const name = [...stored.keys()].find((each) => /^preprocess\/zca\d+\/matrix$/.test(each));
  if (name === undefined) return null;
  const part = (key: string) => floats(constant(name.replace(/matrix$/, key)));
  return { mean: part("mean"), matrix: part("matrix") };
}
