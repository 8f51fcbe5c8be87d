/** The figure of single images: what in each activates a unit, by each rule, with and without switches (Figures 4-6). */
import { UserError } from "../core/host/errors.ts";
import type { Rule } from "../core/graph/layer.ts";
import { cropOf } from "../explain/crop.ts";
import { type Explanation, withExplainer } from "../explain/explain.ts";
import { upTo } from "../explain/layer_of.ts";
import { isStrided, pooledLayer, poolModel } from "../explain/pool_model.ts";
import { clip, fieldAt, receptiveField } from "../explain/receptive_field.ts";
import { onCanvas } from "../explain/top_patches.ts";
import { leavesOf } from "../layers/tree.ts";
import { pixelPicture, signalPicture } from "../report/signal_picture.ts";
import { wholeTile } from "../report/tile_grid.ts";
import { openPixels } from "../training/example_pixels.ts";
import type { Model } from "../training/model.ts";
import { preprocess } from "../training/preprocess.ts";
import type { Arguments } from "./arguments.ts";
import {
  colourNotes,
  type Figure,
  layersOf,
  MOST,
  rawOf,
  rectangle,
  rulesOf,
  type Subject,
  unitName,
  unitsOf,
} from "./figure.ts";
import { readImages } from "./read_images.ts";

/** An image to explain: what it is called, and its pixels 0 ... 255 as they are stored. */
interface Given {
  readonly name: string;
  readonly index: object;
  readonly pixels: Float32Array;
}

/** A way to pass what lies between the unit and the image. */
interface Variant {
  readonly name: string;
  readonly model: Model;
  /** What the layer is called there. */
  readonly layer: string;
  readonly switches: boolean;
}

export async function imageFigures(subject: Subject): Promise<Figure[]> {
  const { args, model, screen } = subject, rules = rulesOf(args, "all"), layers = layersOf(subject);
  const units = layers.map((layer) => unitsOf(subject, layer));
  if (args.list("unit").length > 1) throw new UserError("--unit names one unit where images are given, got several");
  const given = [...await indexed(subject), ...await decoded(subject)];
  if (given.length === 0) throw new UserError("None of the images could be read");
  const pixels = new Float32Array(given.reduce((sum, { pixels }) => sum + pixels.length, 0));
  given.forEach((each, n) => pixels.set(each.pixels, n * each.pixels.length));
  const input = await preprocess(model, pixels), figures: Figure[] = [];
  for (const [index, layer] of layers.entries()) {
    const variants = variantsOf(model, layer), explained: Explanation[][] = [];
    let chosen: number | "top" | number[] = units[index]![0] ?? "top"; // from the first on, the unit is the same for all
    for (const [n, { rule, variant }] of pairs(rules, variants).entries()) {
      screen.report(`Explaining ${layer}`, n / rules.length / variants.length);
      const { switches } = variant, unit = chosen;
      const found = await withExplainer(
        variant.model,
        Math.min(given.length, model.batch),
        { layer: variant.layer, rule, switches },
        (explainer) => explainer(input, { unit }),
      );
      explained.push(found);
      chosen = explained[0]!.map(({ unit }) => unit);
    }
    figures.push(figureOf(subject, { layer, rules, variants }, given, explained));
  }
  return figures;
}

const pairs = (rules: readonly Rule[], variants: readonly Variant[]) =>
  variants.flatMap((variant) => rules.map((rule) => ({ rule, variant })));

/** With max pooling below the layer, with switches and without; with strides below it, these as max pooling too. */
function variantsOf(model: Model, layer: string): Variant[] {
  const below = leavesOf(upTo(model.network, layer));
  const pools = below.some(({ switches }) => switches), own = { model, layer };
  const trained = pools
    ? [{ ...own, name: "with switches", switches: true }, {
      ...own,
      name: "without switches, spread evenly",
      switches: false,
    }]
    : [{ ...own, name: "as trained", switches: true }];
  if (!below.some(isStrided)) return trained;
  const pooled = { model: poolModel(model), layer: pooledLayer(model, layer) };
  return [...trained, { ...pooled, name: "strides as max pooling, with switches", switches: true }];
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
    return { name: `${label}, ${example}`, index, pixels: await examples.read(example) };
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
    index: { example: null, file: path, label: null },
    pixels: images.subarray(n * size, (n + 1) * size),
  }));
}

function figureOf(
  subject: Subject,
  { layer, rules, variants }: {
    readonly layer: string;
    readonly rules: readonly Rule[];
    readonly variants: readonly Variant[];
  },
  given: readonly Given[],
  explained: readonly (readonly Explanation[])[],
): Figure {
  const { model, config, scale } = subject, [height, width, channels] = model.input;
  const size = { height, width }, whole = { top: 0, left: 0, ...size };
  const unitOf = (n: number) => explained[0]![n]!;
  const columns = pairs(rules, variants);
  return {
    name: `${layer.replaceAll("/", "-")}-images`,
    grid: {
      title: `${config.name}, ${layer}: what in an image activates ${
        subject.args.list("unit").length === 0 ? "the most active unit" : "a unit"
      }`,
      notes: colourNotes(subject),
      groups: [
        { name: "image", columns: 1, columnNames: [""] },
        ...variants.map(({ name }) => ({ name, columns: rules.length, columnNames: rules })),
      ],
      rows: given.map(({ name, pixels }, n) => ({
        label: [name, unitName(subject, layer, unitOf(n).unit), `activation ${unitOf(n).activation.toPrecision(3)}`],
        tiles: [
          [wholeTile(pixelPicture(onCanvas(model, pixels), size))],
          ...variants.map((_, v) =>
            rules.map((_, r) => {
              const { reconstruction } = explained[v * rules.length + r]![n]!;
              return wholeTile(signalPicture(reconstruction, size, scale));
            })
          ),
        ],
      })),
      side: SIDE,
    },
    index: {
      layer,
      scale,
      images: given.map(({ index }, row) => ({
        row,
        ...index,
        reconstructions: columns.map(({ rule, variant }, column) => {
          const { unit, position, activation } = explained[column]![row]!, { name, switches } = variant;
          const seen = fieldAt(receptiveField(variant.model.network, model.input, variant.layer), position);
          const field = rectangle(clip(seen, model.input));
          return { column, rule, network: name, switches, unit, position, activation, field };
        }),
      })),
    },
    raw: Object.fromEntries(
      columns.flatMap((_, column) =>
        given.map((_, row) => [
          `${row}/${column}`,
          rawOf(cropOf(explained[column]![row]!.reconstruction, [height, width, channels], whole)),
        ])
      ),
    ),
  };
}

/** Seven columns make a picture of less than 1000 pixels. */
const SIDE = 96;
