/** How explained images are drawn: each in a row, its explanations beside it, with what their colours reach to. */
import { cropOf } from "../explain/crop.ts";
import type { Explanation } from "../explain/explain.ts";
import { type Method, methodOf } from "../explain/methods.ts";
import { clip, fieldAt, receptiveField } from "../explain/receptive_field.ts";
import { onCanvas } from "../explain/top_patches.ts";
import {
  channelSums,
  overlayBar,
  overlayPicture,
  pixelPicture,
  rangeOf,
  signalBar,
  signalPicture,
} from "../report/signal_picture.ts";
import { type Picture, type TileGrid, wholeTile } from "../report/tile_grid.ts";
import type { Model } from "../training/model.ts";
import { colourNotes, type Figure, rawOf, rectangle, spaceNotes, type Subject, unitName } from "./figure.ts";
import type { Given } from "./given_images.ts";

/** A way to pass what lies between the unit and the image. */
export interface Variant {
  readonly name: string;
  readonly model: Model;
  /** What the layer is called there. */
  readonly layer: string;
  readonly switches: boolean;
}

/** Seven columns make a picture of less than 1000 pixels. */
const SIDE = 96;

/** A method through a variant. */
interface Column {
  readonly method: Method;
  readonly variant: Variant;
}

/** `explained` has the explanations of all images for each pair of variant and method, in this order. */
export function explainedFigure(
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
  const { model, config, scale, space, args } = subject, [height, width, channels] = model.input;
  const overlay = args.flag("overlay"), whole = { top: 0, left: 0, height, width };
  const columns: Column[] = variants.flatMap((variant) => methods.map((key) => ({ method: methodOf(key), variant })));
  const drawn = given.map(({ pixels }, row) =>
    columns.map(({ method }, at) => {
      return drawnOf(subject, method, onCanvas(model, pixels), explained[at]![row]!);
    })
  );
  const of = (row: number, { unit, activation } = explained[0]![row]!) => [
    unitName(subject, layer, unit),
    `activation ${activation.toPrecision(3)}`,
  ];
  const bar = barOf(subject, columns);
  return {
    name: `${layer.replaceAll("/", "-")}-images`,
    grid: {
      title: `${config.name}, ${layer}: what in an image activates ${
        args.list("unit").length === 0 ? "the most active unit" : "a unit"
      }`,
      notes: overlay
        ? [["the sum of a pixel's channels over the image in grey", ...spaceNotes(subject)].join("; ")]
        : colourNotes(subject),
      groups: [
        { name: "image", columns: 1, columnNames: [""] },
        ...variants.map(({ name }) => ({ name, columns: methods.length, columnNames: methods })),
      ],
      rows: given.map(({ name, pixels }, row) => ({
        label: [name, said[row]!, ...of(row)],
        tiles: [
          [wholeTile(pixelPicture(onCanvas(model, pixels), { height, width }))],
          ...variants.map((_, v) =>
            drawn[row]!.slice(v * methods.length, (v + 1) * methods.length).map(({ picture, reach }, m) => ({
              ...wholeTile(picture),
              ...isMeasured(overlay, methodOf(methods[m]!)) && { below: reach },
            }))
          ),
        ],
      })),
      side: SIDE,
      ...bar !== null && { bar },
    },
    captions: given.flatMap(({ name }, row) =>
      columns.map(({ method, variant }, at) => {
        const each = explained[at]![row]!, from = `${of(row, each).join(", ")}, position ${each.position.join(", ")}`;
        const colours = `colours ${drawn[row]![at]!.reach} (${unitOf(subject, method)})`;
        return `row ${row + 1}, ${variant.name}, ${method.key}: ${name}, ${said[row]}; ${from}; ${colours}`;
      })
    ),
    index: {
      layer,
      scale,
      space,
      images: given.map(({ index }, row) => ({
        row,
        ...index,
        reconstructions: columns.map(({ method, variant }, column) => {
          const { unit, position, activation } = explained[column]![row]!, { name, switches } = variant;
          const seen = fieldAt(receptiveField(variant.model.network, model.input, variant.layer), position);
          const field = rectangle(clip(seen, model.input));
          return { column, rule: method.key, network: name, switches, unit, position, activation, field };
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

/** Do numbers belong to its colours? A signal has three, of which the eye compares the pattern. */
const isMeasured = (overlay: boolean, { of }: Method): boolean => overlay || of === "map";

/** What values are measured in; of a signal that was mapped back, no slope any more. */
const unitOf = ({ space }: Subject, { unit }: Method): string => space === "pixels" ? "signal" : unit;

/** An explanation as a picture, and what its colours reach to: "±0.83". */
function drawnOf(
  { args, scale, model }: Subject,
  { of }: Method,
  pixels: Float32Array,
  { reconstruction }: Explanation,
): { readonly picture: Picture; readonly reach: string } {
  const [height, width, channels] = model.input, size = { height, width };
  const number = (value: number) => String(Number(value.toPrecision(2)));
  if (args.flag("overlay")) {
    // A map says the same of each channel.
    const sums = channelSums(reconstruction, channels).map((sum) => of === "map" ? sum / channels : sum);
    return { picture: overlayPicture(pixels, sums, size), reach: `±${number(rangeOf(sums, "symmetric")[1])}` };
  }
  const [low, high] = rangeOf(reconstruction, scale);
  const reach = scale === "symmetric" ? `±${number(high)}` : `${number(low)} to ${number(high)}`;
  return { picture: signalPicture(reconstruction, size, scale), reach };
}

/** What the ends of a strip of grey are. */
const ENDS = { symmetric: ["negative", "0", "positive"], minmax: ["smallest", "", "largest"] } as const;

/** The strip of colours, where numbers belong to them; null where to none. */
function barOf(subject: Subject, columns: readonly Column[]): NonNullable<TileGrid["bar"]> | null {
  const overlay = subject.args.flag("overlay"), measured = columns.filter(({ method }) => isMeasured(overlay, method));
  if (measured.length === 0) return null;
  const units = new Set(measured.map(({ method }) => `${method.key}: ${unitOf(subject, method)}`));
  const about = `up to the number below each picture (${[...units].join(", ")})`;
  return overlay
    ? { picture: overlayBar(), labels: ["against", "0", "for the unit"], about }
    : { picture: signalBar(), labels: ENDS[subject.scale], about };
}
