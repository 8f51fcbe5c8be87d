/** `allcnn visualize`: what a trained network responds to, as pictures (paper, Figures 2 to 6). */
import { UserError } from "../core/host/errors.ts";
import { encodeTensors } from "../core/host/safetensors.ts";
import { exists, isDirectory, readText, writeFile } from "../core/host/files.ts";
import { checkDecoder } from "../data/image.ts";
import { type Scale, SCALES } from "../report/signal_picture.ts";
import { METHODS } from "../explain/methods.ts";
import type { Arguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import { countOf, type Figure, methodsOf, MOST, rulesOf, spaceOf, SPACES, type Subject } from "./figure.ts";
import { FIGURE_OPTIONS, filesOf, zoomOf } from "./figure_files.ts";
import { filterFigures, unitFigures } from "./figure_filters.ts";
import { imageFigures } from "./figure_images.ts";
import { overviewFigures } from "./figure_overview.ts";
import { patchFigures } from "./figure_patches.ts";
import { openTrained, TRAINED_OPTIONS } from "./open_trained.ts";
import { numbersOf } from "./given_images.ts";
import { progressLine } from "./progress.ts";
import { findImages } from "./read_images.ts";
import { orSamples } from "./sample_pictures.ts";

export const visualize: Command = {
  usage: {
    command: "visualize",
    positionals: ["RUN_OR_CHECKPOINT?", "IMAGE...?"],
    otherwise: "demo",
    summary: "Draws what a trained network responds to, as a grid of pictures.",
    details:
      "Without more: an overview, of the first layer's weights, of what each layer sees in four images, and of what makes\n" +
      "their classes. With --layer: the patches of the data set that activate the units of a layer most, and what in them does.\n" +
      "With images, or --index: what in each activates a unit, by each rule, with and without switches of max pooling.\n" +
      "--without-image: the deconvnet from every unit of the first layers. --filters: the first layer's weights.",
    options: [
      { name: "layer", value: "NAME", help: "the layer to look into; may be repeated", repeat: true },
      {
        name: "unit",
        value: "UNIT",
        help: "a number, top, or in the last layer a class; may be repeated",
        repeat: true,
      },
      { name: "rule", value: "RULE", help: "gradient, deconvnet, guided or all; default: guided, of images all" },
      {
        name: "method",
        value: "METHOD",
        help: `of images, how they are explained: all, ${METHODS.map(({ key }) => key).join(", ")}; may be repeated`,
        repeat: true,
      },
      { name: "units", value: "N", help: "rows of top patches: the N most active units; default: 8" },
      { name: "patches", value: "N", help: "patches of each; default: 10" },
      { name: "examples", value: "N", help: "search the first N images; default: all, 2000 on a software adapter" },
      { name: "split", value: "SPLIT", help: "train or test, the images to search; default: test" },
      {
        name: "images",
        value: "FILE_OR_DIR",
        help: "as IMAGE, or a folder of pictures; may be repeated",
        repeat: true,
      },
      {
        name: "index",
        value: "N,N,...",
        help: "images of the data set, by the index that evaluate --predictions writes",
      },
      { name: "without-image", value: null, help: "every unit of --layer, from the deconvnet without an image" },
      { name: "filters", value: null, help: "the weights of the first layer" },
      { name: "scale", value: "SCALE", help: "colours: symmetric around grey, or minmax; default: symmetric" },
      {
        name: "space",
        value: "SPACE",
        help: "signals of pixels as the network sees them, or mapped back: network, pixels",
      },
      { name: "overlay", value: null, help: "explanations of images in colour, over the image in grey" },
      ...FIGURE_OPTIONS,
      { name: "raw", value: null, help: "write the values too, as safetensors" },
      { name: "out", value: "DIR", help: "folder of pictures and index.json; default: runs/<config>-visualize" },
      ...TRAINED_OPTIONS,
    ],
  },
  run: visualizeCommand,
};

/** What is drawn where one of the options `by` is given; the last where none is. */
interface Mode {
  readonly by: readonly string[];
  /** The options that only some modes have. */
  readonly options: readonly string[];
  readonly draw: (subject: Subject) => Promise<Figure[]>;
}

const MODES: readonly Mode[] = [
  { by: ["filters"], options: ["layer"], draw: filterFigures },
  { by: ["without-image"], options: ["layer", "space"], draw: unitFigures },
  {
    by: ["images", "index"],
    options: ["layer", "unit", "rule", "method", "split", "overlay", "space"],
    draw: imageFigures,
  },
  {
    by: ["layer"],
    options: ["layer", "unit", "rule", "units", "patches", "examples", "split", "space"],
    draw: patchFigures,
  },
  { by: [], options: ["split", "overlay", "space"], draw: overviewFigures },
];

/** The mode that the options ask for. Throws `UserError` on options that do not go together. */
function modeOf(args: Arguments): Mode {
  const given = (name: string) => args.text(name) !== null || (name === "images" && args.positionals(1).length > 0);
  const named = MODES.filter(({ by }) => by.some(given)), special = named.filter(({ by }) => !by.includes("layer"));
  const asked = special.length > 0 ? special : named, mode = asked[0] ?? MODES.at(-1)!;
  const flag = (name: string) => `--${name}`, name = (mode: Mode) => flag(mode.by.find(given)!);
  if (asked.length > 1) throw new UserError(`${name(asked[0]!)} and ${name(asked[1]!)} are two figures: name one`);
  const known = new Set(MODES.flatMap(({ options }) => options));
  const foreign = [...known].find((option) => given(option) && !mode.options.includes(option));
  if (foreign !== undefined && asked.length === 0) throw new UserError(`${flag(foreign)} needs --layer NAME`);
  if (foreign !== undefined) throw new UserError(`${flag(foreign)} does not go with ${name(mode)}`);
  return mode;
}

async function visualizeCommand(args: Arguments): Promise<number> {
  const progress = progressLine();
  let complete = true;
  const screen = {
    ...progress,
    error(text: string) { // an image that cannot be read: the others are drawn
      complete = false;
      progress.error(text);
    },
  };
  rulesOf(args, "all");
  methodsOf(args);
  ["patches", "units"].forEach((name) => countOf(args, name, 1));
  numbersOf(args);
  zoomOf(args);
  args.word("space", SPACES);
  if (args.flag("overlay") && args.text("scale") !== null) {
    throw new UserError("--overlay has a scale of its own, from against to for: leave --scale out");
  }
  const mode = modeOf(args);
  const scale = args.word("scale", Object.keys(SCALES) as Scale[]) ?? "symmetric";
  const split = args.word("split", ["train", "test"]) ?? "test", named = args.text("out");
  if (named !== null) await readIndex(named);
  const files = await findImages([...args.list("images"), ...args.positionals(1)], MOST);
  if (files.length > 0) await checkDecoder(); // without it no image can be read: say so once, and before anything slow
  const trained = await openTrained(args, screen), space = spaceOf(args, trained);
  const out = named ?? `runs/${trained.config.name}-visualize`;
  const index = await readIndex(out), { dataset } = trained.config;
  const source = () => split === "test" ? orSamples(args, dataset, screen, trained.source) : trained.source();
  const figures = await mode.draw({ ...trained, source, args, screen, files, scale, split, space });
  trained.model.context.close();
  const written: string[] = [];
  const write = async (name: string, contents: Uint8Array | string) => {
    await writeFile(`${out}/${name}`, contents);
    written.push(`${out}/${name}`);
  };
  for (const figure of figures) {
    const { name, raw, index: entry } = figure;
    screen.report(`Drawing ${name}`, 0);
    const [picture, ...texts] = await filesOf(figure, args);
    await write(...picture!);
    for (const text of texts) await writeFile(`${out}/${text[0]}`, text[1]);
    const checkpoint = args.positional(0)!, rawFile = `${name}.safetensors`;
    if (args.flag("raw")) await write(rawFile, await encodeTensors({ metadata: { checkpoint }, tensors: raw }));
    index[picture![0]] = { checkpoint, ...entry, raw: args.flag("raw") ? rawFile : null };
  }
  await write("index.json", `${JSON.stringify(index, null, 1)}\n`);
  written.forEach((path) => screen.line(`Written: ${path}`));
  return complete ? 0 : 1;
}

/** What a folder's index.json says of the pictures in it. Throws `UserError` where nothing can be written there. */
export async function readIndex(out: string): Promise<Record<string, unknown>> {
  if (await exists(out) && !await isDirectory(out)) {
    throw new UserError(`Cannot write pictures to "${out}": it is a file, name a folder with --out`);
  }
  const path = `${out}/index.json`;
  if (!await exists(path)) return {};
  try {
    const index = JSON.parse(await readText(path));
    JSON.stringify(index); // as it will be written: the stack overflows where it is nested deep enough
    if (typeof index === "object" && index !== null && !Array.isArray(index)) return index;
  } catch (error) {
    if (error instanceof UserError) throw error;
  }
  throw new UserError(`Cannot add to "${path}": it is no index of pictures, name another folder with --out`);
}
