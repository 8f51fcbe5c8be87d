/** The figure of the patches that activate the units of a layer most, and what in them does (paper, Figure 3). */
import { differentUnits } from "../explain/different_units.ts";
import { receptiveField } from "../explain/receptive_field.ts";
import { topActivationsOn } from "../explain/top_activations.ts";
import { layerNames } from "../explain/layer_of.ts";
import { type Patch, topPatches } from "../explain/top_patches.ts";
import { openPixels } from "../training/example_pixels.ts";
import { openExamples } from "../training/open_examples.ts";
import type { Source } from "../training/preprocess.ts";
import {
  colourNotes,
  countOf,
  type Figure,
  layersOf,
  MOST,
  rawOf,
  rectangle,
  rulesOf,
  shownSignals,
  type Subject,
  tileOf,
  unitName,
  unitsOf,
} from "./figure.ts";

/** Searching all examples of a data set takes a software adapter long. */
const SOFTWARE_EXAMPLES = 2000;
const DEFAULT_PATCHES = 10;
const DEFAULT_UNITS = 8;

export async function patchFigures(subject: Subject): Promise<Figure[]> {
  const { args, model, screen, split } = subject, rules = rulesOf(args, "guided");
  const k = countOf(args, "patches", DEFAULT_PATCHES), layers = layersOf(subject);
  const chosen = layers.map((layer) => unitsOf(subject, layer));
  const wanted = args.integer("examples", 1);
  const from = limited(await subject.source(), split, wanted, model.context.limits.software);
  const pixels = await openPixels(from, split);
  if (wanted !== null && pixels.count < wanted) {
    screen.line(`There are ${pixels.count} ${split} images, not ${wanted}: all are searched`);
  }
  const told = { ...screen, whitening: model.whitening }, figures: Figure[] = [];
  for (const [index, layer] of layers.entries()) {
    const lists = await topActivationsOn(
      model,
      async (own) => (await openExamples(own, from, split, told)).examples,
      { layer, k, report: (done) => screen.report(`Searching ${pixels.count} images for ${layer}`, done) },
    );
    const numbers = chosen[index]!.filter((unit) => unit !== "top");
    // Of the last layer all classes, unless there are too many for one picture.
    const all = layer === layerNames(model.network).at(-1) ? Math.min(lists.length, MOST) : DEFAULT_UNITS;
    const units = numbers.length === 0
      ? differentUnits(lists, receptiveField(model.network, model.input, layer), countOf(args, "units", all))
      : numbers;
    for (const unit of units) {
      if (lists[unit]![0]?.activation === 0) screen.line(`Unit ${unit} of ${layer} is 0 for all of these images`);
    }
    const patches = await topPatches(model, new Map(units.map((unit) => [unit, lists[unit]!])), pixels, {
      layer,
      rules,
      shown: (explained) => shownSignals(subject, explained),
      report: (done) => screen.report(`Explaining ${layer}`, done),
    });
    const of = from.samples === undefined ? `${split} images of ${from.config.name}` : "sample pictures";
    const about = { layer, rules, k, searched: pixels.count, of };
    const found = patches.map((row, n) => ({ unit: units[n]!, patches: row }));
    figures.push(figureOf(subject, about, found, (example) => ({
      example,
      file: pixels.path(example),
      label: subject.classes[pixels.labels[example]!]!,
    })));
  }
  return figures;
}

/** The source with so many examples of the split; without a number all, of a software adapter's fewer. */
function limited(source: Source, split: "train" | "test", examples: number | null, software: boolean) {
  const { config } = source, key = split === "train" ? "trainExamples" : "testExamples";
  const most = examples ?? Math.min(config[key] ?? Infinity, software ? SOFTWARE_EXAMPLES : Infinity);
  return { ...source, config: most === Infinity ? config : { ...config, [key]: most } };
}

function figureOf(
  subject: Subject,
  { layer, rules, k, searched, of }: {
    readonly layer: string;
    readonly rules: readonly string[];
    readonly k: number;
    readonly searched: number;
    readonly of: string;
  },
  rows: readonly { readonly unit: number; readonly patches: readonly Patch[] }[],
  imageOf: (example: number) => { readonly label: string },
): Figure {
  const { model, config, scale, split } = subject, name = `${layer}-top-patches`;
  const all = rows.flatMap(({ patches }) => patches), { height = 0, width = 0 } = all[0]?.field ?? {};
  const rawName = (patch: Patch, rank: number, what: string) => `unit${patch.unit}/${rank}/${what}`;
  const raw = rows.flatMap(({ patches }) =>
    patches.flatMap((patch, rank) => [
      ...rules.map((rule, i) => [rawName(patch, rank, rule), rawOf(patch.reconstructions[i]!)] as const),
      [rawName(patch, rank, "image"), rawOf(patch.image)] as const,
    ])
  );
  return {
    name: name.replaceAll("/", "-"),
    grid: {
      title: `${config.name}, ${layer}: what its units respond to`,
      notes: [
        `each row: the ${k} of ${searched} ${of} that activate the unit most, ` +
        `cropped to its receptive field, ${height}x${width} pixels (grey around it: outside of the image)`,
        ...colourNotes(subject),
      ],
      groups: [...rules.map(ruleTitle), "image"].map((name) => ({ name, columns: k })),
      rows: rows.map(({ unit, patches }) => ({
        label: [unitName(subject, layer, unit)],
        tiles: [
          ...rules.map((_, i) =>
            patches.map(({ reconstructions, field }) => tileOf(reconstructions[i]!, field, model.input, scale))
          ),
          patches.map(({ image, field }) => tileOf(image, field, model.input, "pixels")),
        ],
      })),
      side: Math.min(MOST_SIDE, Math.max(LEAST_SIDE, Math.floor(WIDTH / k / (rules.length + 1)))),
    },
    captions: rows.flatMap(({ unit, patches }, row) =>
      patches.map(({ example, image, activation }, column) => {
        const { top, left, height, width } = image,
          to = (from: number, length: number) => `${from}-${from + length - 1}`;
        return `row ${row + 1}, column ${column + 1}: ${unitName(subject, layer, unit)}, activation ${
          activation.toPrecision(3)
        }; image ${example}, true ${imageOf(example).label}, its rows ${to(top, height)}, columns ${to(left, width)}`;
      })
    ),
    index: {
      layer,
      rules,
      scale,
      space: subject.space,
      split,
      searched,
      of,
      patches: rows.flatMap(({ patches }, row) =>
        patches.map(({ unit, example, position, activation, image }, column) => ({
          row,
          column,
          unit,
          ...imageOf(example),
          position,
          activation,
          field: rectangle(image),
        }))
      ),
    },
    raw: Object.fromEntries(raw),
  };
}

/** Pixels of all columns together, while tiles stay of a good size. */
const WIDTH = 900;
const LEAST_SIDE = 42;
const MOST_SIDE = 96;

/** The rule as a heading. */
function ruleTitle(rule: string): string {
  return rule === "guided" ? "guided backpropagation" : rule;
}
