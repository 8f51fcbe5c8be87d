/** A first look at a network, where nothing particular is asked for: its filters, its layers, and what it sees in four images. */
import type { Explanation } from "../explain/explain.ts";
import { layerNames, upTo } from "../explain/layer_of.ts";
import { explainBy } from "../explain/methods.ts";
import { onCanvas } from "../explain/top_patches.ts";
import { kindOf } from "../layers/layer_kind.ts";
import { leavesOf } from "../layers/tree.ts";
import { pixelPicture, signalPicture } from "../report/signal_picture.ts";
import { wholeTile } from "../report/tile_grid.ts";
import { openPixels } from "../training/example_pixels.ts";
import type { Model } from "../training/model.ts";
import { preprocess } from "../training/preprocess.ts";
import type { Arguments } from "./arguments.ts";
import { colourNotes, type Figure, rawOf, shownSignals, type Subject } from "./figure.ts";
import { filterFigures } from "./figure_filters.ts";
import { imageFigures } from "./figure_images.ts";

/** Images that are explained, each the first of its class. */
const IMAGES = 4;

/** Wide enough for the names of classes. */
const SIDE = 128;

interface Shown {
  readonly name: string;
  readonly example: number;
  readonly pixels: Float32Array;
}

/** The same command line with these options besides. */
const withOptions = (args: Arguments, layer: string, index: string): Arguments => ({
  ...args,
  text: (name) => name === "index" ? index : args.text(name),
  list: (name) => name === "layer" ? [layer] : args.list(name),
});

export async function overviewFigures(subject: Subject): Promise<Figure[]> {
  const { args, model } = subject, last = layerNames(model.network).at(-1)!, shown = await firstOfClasses(subject);
  const index = shown.map(({ example }) => example).join(",");
  return [
    ...hasFilters(model) ? await filterFigures({ ...subject, space: "network" }) : [],
    await layersFigure(subject, shown),
    ...await imageFigures({ ...subject, args: withOptions(args, last, index) }),
  ];
}

async function firstOfClasses({ source, split, classes }: Subject): Promise<Shown[]> {
  const examples = await openPixels(await source(), split), labels = [...examples.labels];
  const firsts = [...new Set(labels)].map((label) => labels.indexOf(label)).slice(0, IMAGES);
  return await Promise.all(firsts.map(async (example) => ({
    name: `${classes[labels[example]!]!}, ${example}`,
    example,
    pixels: await examples.read(example),
  })));
}

/** Are the first weights those of a convolution that looks at colours? */
function hasFilters({ specs, input }: Model): boolean {
  const { shape } = Object.values(specs)[0]!;
  return shape.length === 4 && shape[2] === input[2];
}

const folderOf = (path: string) => path.slice(0, path.lastIndexOf("/") + 1);

/**
 * The layers that put out maps, without those that do nothing once a network is trained; of a convolution and the
 * normalization and activation behind it, the last, whose units are those of all.
 */
function mapLayers({ network, input }: Model): string[] {
  const layers = layerNames(network).map((name) => {
    const cut = upTo(network, name);
    return { name, kind: kindOf(leavesOf(cut).at(-1)!), maps: cut.init([1, ...input]).output.length === 4 };
  }).filter(({ kind, maps }) => kind?.trainingOnly !== true && maps);
  return layers.map(({ name }) => name).filter((name, index) => {
    const next = layers[index + 1];
    return next?.kind?.elementwise !== true || folderOf(next.name) !== folderOf(name);
  });
}

/** One row for each layer: what in each image activates the layer's most active unit. */
async function layersFigure(subject: Subject, shown: readonly Shown[]): Promise<Figure> {
  const { model, config, scale, screen } = subject, [height, width] = model.input, size = { height, width };
  const length = shown[0]!.pixels.length, pixels = new Float32Array(shown.length * length);
  shown.forEach((each, n) => pixels.set(each.pixels, n * length));
  const input = await preprocess(model, pixels), layers = mapLayers(model), found: (readonly Explanation[])[] = [];
  for (const [index, layer] of layers.entries()) {
    screen.report("Explaining the layers", index / layers.length);
    found.push(await shownSignals(subject, await explainBy(model, input, "guided", { layer, unit: "top" })));
  }
  return {
    name: "layers",
    grid: {
      title: `${config.name}: what in an image activates the most active unit of each layer`,
      notes: [`guided backpropagation; ${colourNotes(subject)[0]!}`],
      groups: shown.map(({ name }) => ({ name, columns: 1 })),
      rows: [
        { label: ["image"], tiles: shown.map((each) => [wholeTile(pixelPicture(onCanvas(model, each.pixels), size))]) },
        ...layers.map((layer, row) => ({
          label: [layer],
          tiles: found[row]!.map(({ reconstruction }) => [wholeTile(signalPicture(reconstruction, size, scale))]),
        })),
      ],
      side: SIDE,
    },
    captions: layers.flatMap((layer, row) =>
      found[row]!.map(({ unit, position, activation }, n) =>
        `row ${row + 2}, ${layer}: ${shown[n]!.name}; guided from unit ${unit}, ` +
        `activation ${activation.toPrecision(3)}, position ${position.join(", ")}`
      )
    ),
    index: {
      scale,
      space: subject.space,
      rule: "guided",
      images: shown.map(({ example }) => example),
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
