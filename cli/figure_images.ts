/** The figure of single images: what in each activates a unit, by each rule, with and without switches (Figures 4-6). */
import { UserError } from "../core/host/errors.ts";
import { cropOf } from "../explain/crop.ts";
import type { Explanation } from "../explain/explain.ts";
import { explainBy } from "../explain/methods.ts";
import { upTo } from "../explain/layer_of.ts";
import { isStrided, pooledLayer, poolModel } from "../explain/pool_model.ts";
import { clip, fieldAt, receptiveField } from "../explain/receptive_field.ts";
import { onCanvas } from "../explain/top_patches.ts";
import { leavesOf } from "../layers/tree.ts";
import { overlayBar, overlayPicture, pixelPicture, signalPicture } from "../report/signal_picture.ts";
import { wholeTile } from "../report/tile_grid.ts";
import type { Model } from "../training/model.ts";
import { predict } from "../training/predict.ts";
import { preprocess } from "../training/preprocess.ts";
import {
  colourNotes,
  type Figure,
  layersOf,
  methodsOf,
  rawOf,
  rectangle,
  type Subject,
  unitName,
  unitsOf,
} from "./figure.ts";
import { type Given, givenImages } from "./given_images.ts";

/** A way to pass what lies between the unit and the image. */
interface Variant {
  readonly name: string;
  readonly model: Model;
  /** What the layer is called there. */
  readonly layer: string;
  readonly switches: boolean;
}

export async function imageFigures(subject: Subject): Promise<Figure[]> {
  const { args, model, screen } = subject, methods = methodsOf(args), layers = layersOf(subject);
  const units = layers.map((layer) => unitsOf(subject, layer));
  if (args.list("unit").length > 1) throw new UserError("--unit names one unit where images are given, got several");
  const given = await givenImages(subject);
  if (given.length === 0) throw new UserError("None of the images could be read");
  const pixels = new Float32Array(given.reduce((sum, { pixels }) => sum + pixels.length, 0));
  given.forEach((each, n) => pixels.set(each.pixels, n * each.pixels.length));
  const input = await preprocess(model, pixels), figures: Figure[] = [];
  const said = predictionsOf(subject, given, await predict(model, input));
  for (const [index, layer] of layers.entries()) {
    const variants = variantsOf(model, layer), explained: Explanation[][] = [];
    let chosen: number | "top" | number[] = units[index]![0] ?? "top"; // from the first on, the unit is the same for all
    for (const [n, { method, variant }] of pairs(methods, variants).entries()) {
      screen.report(`Explaining ${layer}`, n / methods.length / variants.length);
      const { switches, layer: name } = variant;
      explained.push(await explainBy(variant.model, input, method, { layer: name, unit: chosen, switches }));
      chosen = explained[0]!.map(({ unit }) => unit);
    }
    figures.push(figureOf(subject, { layer, methods, variants, said }, given, explained));
  }
  return figures;
}

/** "true airplane, predicted ship, 83 %" of each image, as far as it is known. */
function predictionsOf({ classes }: Subject, given: readonly Given[], probabilities: Float32Array): readonly string[] {
  return given.map(({ label }, n) => {
    const own = probabilities.subarray(n * classes.length, (n + 1) * classes.length);
    const best = own.reduce((best, value, i) => value > own[best]! ? i : best, 0);
    return `${label === null ? "" : `true ${label}, `}predicted ${classes[best]}, ${(100 * own[best]!).toFixed(0)} %`;
  });
}

const pairs = (methods: readonly string[], variants: readonly Variant[]) =>
  variants.flatMap((variant) => methods.map((method) => ({ method, variant })));

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

function figureOf(
  subject: Subject,
  { layer, methods, variants, said }: {
    readonly layer: string;
    readonly methods: readonly string[];
    readonly variants: readonly Variant[];
    /** What the network predicts of each image. */
    readonly said: readonly string[];
  },
  given: readonly Given[],
  explained: readonly (readonly Explanation[])[],
): Figure {
  const { model, config, scale, args } = subject, [height, width, channels] = model.input;
  const overlay = args.flag("overlay");
  const size = { height, width }, whole = { top: 0, left: 0, ...size };
  const unitOf = (n: number) => explained[0]![n]!;
  const columns = pairs(methods, variants);
  return {
    name: `${layer.replaceAll("/", "-")}-images`,
    grid: {
      title: `${config.name}, ${layer}: what in an image activates ${
        subject.args.list("unit").length === 0 ? "the most active unit" : "a unit"
      }`,
      notes: overlay
        ? ["the sum of a pixel's channels, each picture by its own largest; the image itself in light grey"]
        : colourNotes(subject),
      groups: [
        { name: "image", columns: 1, columnNames: [""] },
        ...variants.map(({ name }) => ({ name, columns: methods.length, columnNames: methods })),
      ],
      rows: given.map(({ name, pixels }, n) => ({
        label: [
          name,
          said[n]!,
          unitName(subject, layer, unitOf(n).unit),
          `activation ${unitOf(n).activation.toPrecision(3)}`,
        ],
        tiles: [
          [wholeTile(pixelPicture(onCanvas(model, pixels), size))],
          ...variants.map((_, v) =>
            methods.map((_, m) => {
              const { reconstruction } = explained[v * methods.length + m]![n]!;
              return wholeTile(
                overlay
                  ? overlayPicture(onCanvas(model, pixels), reconstruction, size)
                  : signalPicture(reconstruction, size, scale),
              );
            })
          ),
        ],
      })),
      side: SIDE,
      ...overlay ? { bar: { picture: overlayBar(), labels: ["against", "0", "for the unit"] } } : {},
    },
    index: {
      layer,
      scale,
      images: given.map(({ index }, row) => ({
        row,
        ...index,
        reconstructions: columns.map(({ method, variant }, column) => {
          const { unit, position, activation } = explained[column]![row]!, { name, switches } = variant;
          const seen = fieldAt(receptiveField(variant.model.network, model.input, variant.layer), position);
          const field = rectangle(clip(seen, model.input));
          return { column, rule: method, network: name, switches, unit, position, activation, field };
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
