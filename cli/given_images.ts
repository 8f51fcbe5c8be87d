/** The images that are to be explained: those of the data set that are named by number, and pictures of files. */
import { UserError } from "../core/host/errors.ts";
import { openPixels } from "../training/example_pixels.ts";
import type { Arguments } from "./arguments.ts";
import { MOST, type Subject } from "./figure.ts";
import { readImages } from "./read_images.ts";

/** An image to explain: what it is called, and its pixels 0 ... 255 as they are stored. */
export interface Given {
  readonly name: string;
  /** The class that it is of, where that is known. */
  readonly label: string | null;
  readonly index: object;
  readonly pixels: Float32Array;
}

export async function givenImages(subject: Subject): Promise<Given[]> {
  return [...await indexed(subject), ...await decoded(subject)];
}

/** The images of the data set that are asked for, by number. Throws `UserError` where these are none. */
export function numbersOf(args: Arguments): readonly number[] {
  const text = args.text("index") ?? "";
  if (!/^(\d+(,\d+)*)?$/.test(text)) throw new UserError(`--index expects numbers, as 3,8,22, got "${text}"`);
  const numbers = text === "" ? [] : text.split(",").map(Number);
  if (numbers.length <= MOST) return numbers;
  throw new UserError(`Cannot draw ${numbers.length} images in one picture: name at most ${MOST}`);
}

/** Images of the data set by their numbers. */
async function indexed({ args, source, split, classes, config }: Subject): Promise<Given[]> {
  const numbers = numbersOf(args);
  if (numbers.length === 0) return [];
  const examples = await openPixels(await source(), split);
  return await Promise.all(numbers.map(async (example) => {
    if (example >= examples.count) {
      throw new UserError(
        `Cannot read ${split} image ${example} of ${config.dataset.name}: there are 0 to ${examples.count - 1}`,
      );
    }
    const label = classes[examples.labels[example]!]!;
    const index = { example, file: examples.path(example), label };
    return { name: `${split} image ${example}`, label, index, pixels: await examples.read(example) };
  }));
}

/** Pictures of files and folders. */
async function decoded({ files, model, screen }: Subject): Promise<Given[]> {
  if (files.length === 0) return [];
  const [height, width] = model.images;
  const { read, images } = await readImages(model, files, screen, (path, h, w) => {
    screen.line(`${path}: ${w}x${h} pixels, the middle is scaled to ${width}x${height}`);
  });
  const size = images.length / read.length;
  return read.map((path, n) => ({
    name: path.slice(path.lastIndexOf("/") + 1),
    label: null,
    index: { example: null, file: path, label: null },
    pixels: images.subarray(n * size, (n + 1) * size),
  }));
}
