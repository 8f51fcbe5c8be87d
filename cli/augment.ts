/** `allcnn augment`: a picture of training images and of what augmentation makes of them. */
import { loadConfig } from "../configs/load.ts";
import type { Context } from "../core/device/device.ts";
import { UserError } from "../core/host/errors.ts";
import { writeFile } from "../core/host/files.ts";
import type { DatasetConfig } from "../data/dataset_config.ts";
import { classNames, cropsOf } from "../data/datasets/mod.ts";
import { areAll, namesOfTransforms } from "../data/transforms/mod.ts";
import { drawTileGrid, wholeTile } from "../report/tile_grid.ts";
import { previewPictures } from "../training/preview_pictures.ts";
import { preview } from "../training/preview.ts";
import { type Arguments, CONFIG_DETAILS, SET_OPTION } from "./arguments.ts";
import type { Command } from "./command.ts";
import { DATA_OPTION, dataFolder } from "./data_folder.ts";
import { countOf } from "./figure.ts";
import { progressLine } from "./progress.ts";
import { PICTURE, refuseOther } from "./replaceable.ts";
import { DEVICE_OPTIONS, openDeviceFor } from "./tuning_options.ts";

export const augment: Command = {
  usage: {
    command: "augment",
    positionals: ["CONFIG"],
    summary: "Draws training images as the network sees them, plain and augmented.",
    details: CONFIG_DETAILS,
    options: [
      { name: "out", value: "FILE", help: "the PNG; default: runs/<config>-augment.png" },
      { name: "images", value: "N", help: "how many, the first of the training images; default: 5" },
      { name: "variants", value: "N", help: "how many of each; default: 6" },
      { name: "seed", value: "N", help: "seed of the augmentation; default: 0" },
      DATA_OPTION,
      { ...SET_OPTION, help: "change a value of the config, as dataset.augment.pad=2" },
      ...DEVICE_OPTIONS,
    ],
  },
  run: augmentCommand,
};

async function augmentCommand(args: Arguments): Promise<number> {
  const screen = progressLine(), config = await loadConfig(args.positional(0)!, args.list("set"));
  const images = countOf(args, "images", 5), variants = countOf(args, "variants", 6);
  const seed = args.integer("seed", 0) ?? 0, out = args.text("out") ?? `runs/${config.name}-augment.png`;
  if (seed >= 2 ** 32) throw new UserError(`--seed expects a whole number below 2^32, got ${seed}`);
  await refuseOther(out, PICTURE);
  const { dataset } = config, names = classNames(dataset);
  const directory = await dataFolder(args, dataset, screen);
  const options = { images, variants, seed, report: screen.report };
  const rows = cropsOf(dataset) === null
    ? await onDevice(args, (context) => preview(context, config, directory, options))
    : await previewPictures(config, directory, options);
  const columnNames = Array.from({ length: variants }, (_, step) => `step ${step}`);
  const png = await drawTileGrid({
    title: config.name,
    notes: [augmentationOf(dataset), ...preprocessingOf(dataset)],
    groups: [
      { name: "image", columns: 1 },
      { name: "in evaluation", columns: 1 },
      { name: "in training", columns: variants, columnNames },
    ],
    rows: rows.map(({ label, name, image, plain, variants }) => ({
      label: [name ?? names[label] ?? `class ${label}`],
      tiles: [[wholeTile(image)], [wholeTile(plain)], variants.map(wholeTile)],
    })),
    side: 192,
  });
  await writeFile(out, png);
  screen.line(`Drawn: ${out}`);
  return 0;
}

async function onDevice<T>(args: Arguments, body: (context: Context) => Promise<T>): Promise<T> {
  const context = await openDeviceFor(args), result = await body(context);
  context.close();
  return result;
}

/** The augmentation in words. */
function augmentationOf(dataset: DatasetConfig): string {
  const { augment, canvas } = dataset, crops = cropsOf(dataset);
  const flip = (wanted: boolean) => wanted ? ["mirrored or not"] : [];
  if (crops !== null) {
    const { shortSide, crop } = crops;
    return [`the short side scaled to ${shortSide} pixels, a crop of ${crop}x${crop}`, ...flip(crops.flip)].join(", ");
  }
  if (augment !== undefined) return [`shifted by up to ${augment.pad} pixels`, ...flip(augment.flip)].join(", ");
  if (canvas?.distort === undefined) return "no augmentation: training shows images as evaluation does";
  const { stretch, flip: flips, shearOrRotation, shift, color } = canvas.distort;
  return [
    `stretched by up to ${Number((100 * stretch).toPrecision(3))} %`,
    ...flip(flips),
    `sheared or rotated by up to ${shearOrRotation} (coefficient, radians)`,
    `shifted by up to ${shift} pixels`,
    `colours changed by an offset N(0, ${color.offset}), contrast N(0, ${color.contrast}), ` +
    `gradients N(0, ${color.gradientX}) and N(0, ${color.gradientY})`,
  ].join(", ");
}

/** How to read the colours, where they are not those of the image. */
function preprocessingOf(dataset: DatasetConfig): string[] {
  if (areAll("pixels", dataset)) return [];
  return [`after ${namesOfTransforms(dataset)}: grey is 0, and all pictures of a row have one scale`];
}
