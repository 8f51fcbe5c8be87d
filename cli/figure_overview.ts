/** A first look at a network, where nothing particular is asked for: its filters, its layers, and what it sees in four images. */
import type { Explanation } from "../explain/explain.ts";
import { explainBy } from "../explain/methods.ts";
import { onCanvas } from "../explain/top_patches.ts";
import { leavesOf } from "../layers/tree.ts";
import { pixelPicture, signalPicture } from "../report/signal_picture.ts";
import { wholeTile } from "../report/tile_grid.ts";
import { openPixels } from "../training/example_pixels.ts";
import { preprocess } from "../training/preprocess.ts";
import type { Arguments } from "./arguments.ts";
import { colourNotes, type Figure, outputOf, rawOf, type Subject, unitName } from "./figure.ts";
import { filterFigures } from "./figure_filters.ts";
import { imageFigures } from "./figure_images.ts";
import { layerNames } from "../explain/layer_of.ts";

/** Images that are explained, spread over the split so that they are of several classes. */
const IMAGES = 4;

/** The same command line with these options besides. */
const withOptions = (args: Arguments, layer: string, index: string): Arguments => ({
  ...args,
  text: (name) => name === "index" ? index : args.text(name),
  list: (name) => name === "layer" ? [layer] : args.list(name),
});

export async function overviewFigures(subject: Subject): Promise<Figure[]> {
  const { args, model, source, split } = subject, last = layerNames(model.network).at(-1)!;
  const examples = await openPixels(await source(), split), seen = new Set<number>();
  const numbers = Array.from(examples.labels.keys()).filter((n) => {
    const fresh = !seen.has(examples.labels[n]!);
    seen.add(examples.labels[n]!);
    return fresh;
  }).slice(0, IMAGES);
  const filters = leavesOf(model.network).some(({ name }) => name === "conv1") ? await filterFigures(subject) : [];
  return [
    ...filters,
    await layersFigure(subject, numbers, await Promise.all(numbers.map((n) => examples.read(n)))),
    ...await imageFigures({ ...subject, args: withOptions(args, last, numbers.join(",")) }),
  ];
}

/** One row for each layer: what in each image activates the layer's most active unit. */
async function layersFigure(
  subject: Subject,
  numbers: readonly number[],
  images: readonly Float32Array[],
): Promise<Figure> {
  const { model, config, scale, screen } = subject, [height, width] = model.input, size = { height, width };
  const pixels = new Float32Array(images.reduce((sum, image) => sum + image.length, 0));
  images.forEach((image, n) => pixels.set(image, n * image.length));
  const input = await preprocess(model, pixels),
    layers = layerNames(model.network).filter((layer) => outputOf(model, layer).length === 4);
  const found: Explanation[][] = [];
  for (const [index, layer] of layers.entries()) {
    screen.report("Explaining the layers", index / layers.length);
    found.push(await explainBy(model, input, "guided", { layer, unit: "top" }));
  }
  const columns = numbers.map(String);
  return {
    name: "layers",
    grid: {
      title: `${config.name}: what in an image activates the most active unit of each layer`,
      notes: [`guided backpropagation; ${colourNotes(subject)[0]!}`],
      groups: columns.map((name) => ({ name, columns: 1 })),
      rows: [
        { label: ["image"], tiles: images.map((image) => [wholeTile(pixelPicture(onCanvas(model, image), size))]) },
        ...layers.map((layer, row) => ({
          label: [layer, ...new Set(found[row]!.map(({ unit }) => unitName(subject, layer, unit)))].slice(0, 3),
          tiles: found[row]!.map(({ reconstruction }) => [wholeTile(signalPicture(reconstruction, size, scale))]),
        })),
      ],
      side: 96,
    },
    index: {
      scale,
      rule: "guided",
      images: numbers,
      layers: layers.map((layer, row) => ({
        layer,
        explanations: found[row]!.map(({ unit, position, activation }) => ({ unit, position, activation })),
      })),
    },
    raw: Object.fromEntries(layers.flatMap((layer, row) =>
      found[row]!.map(({ reconstruction }, n) => [
        `${layer}/${n}`,
        rawOf({ values: reconstruction, height, width, top: 0, left: 0 }),
      ])
    )),
  };
}
