import * as z from "zod";
import { type CifarFormat, cifarKind, readCifar } from "../cifar.ts";
import type { Dataset } from "../dataset.ts";
import type { DatasetKind } from "./dataset_kind.ts";

/** One file for each split; a record starts with the coarse label, then the fine one. */
const CIFAR100: CifarFormat = {
  name: "CIFAR-100",
  folder: "cifar-100-binary",
  files: { train: ["train.bin"], test: ["test.bin"] },
  recordsPerFile: { train: 50_000, test: 10_000 },
  labelBytes: 2,
};

const FINE = `
  apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
  caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant
  flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree
  motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate
  poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider
  squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle
  wardrobe whale willow_tree wolf woman worm
`;

const COARSE = `
  aquatic_mammals fish flowers food_containers fruit_and_vegetables household_electrical_devices household_furniture
  insects large_carnivores large_man-made_outdoor_things large_natural_outdoor_scenes large_omnivores_and_herbivores
  medium_mammals non-insect_invertebrates people reptiles small_mammals trees vehicles_1 vehicles_2
`;

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** The names of classes (`fine`, 100) and superclasses (`coarse`, 20) in the order of the labels, as in *_label_names.txt. */
export const CIFAR100_CLASSES = { fine: words(FINE), coarse: words(COARSE) } as const;

/**
 * Reads CIFAR-100 from the files of its binary version.
 *
 * @param directory the folder with `train.bin` and `test.bin`, or the one around `cifar-100-binary`
 * @param split `train`: 50 000 examples; `test`: 10 000
 * @param labels `fine`: 100 classes; `coarse`: 20 superclasses of five classes each
 * @param limit at most this many examples, the first ones
 * @returns images `[count, 32, 32, 3]`, values 0..255, and labels 0..99 or 0..19, in the order of the file
 * @throws {UserError} a folder or file is missing, a file's size is wrong, a label is too large, or `limit` is not a
 * positive integer
 */
export async function readCifar100(
  directory: string,
  split: "train" | "test",
  labels: "fine" | "coarse" = "fine",
  limit = Infinity,
): Promise<Dataset> {
  const label = { byte: labels === "coarse" ? 0 : 1, classes: CIFAR100_CLASSES[labels].length };
  return await readCifar(CIFAR100, label, directory, split, limit);
}

export const cifar100: DatasetKind<"cifar100", { readonly labels?: "fine" | "coarse" | undefined }> = {
  key: "cifar100",
  hub: "uoft-cs/cifar100",
  about: "the same in 100 classes, or in 20 superclasses",
  schema: z.strictObject({
    labels: z.enum(["fine", "coarse"]).optional().describe(
      "Of cifar100 alone: fine, the 100 classes, which is the default, or coarse, the 20 superclasses",
    ),
  }),
  classes: ({ labels = "fine" }) => CIFAR100_CLASSES[labels],
  read: ({ directory, split, limit }, { labels }) => readCifar100(directory, split, labels, limit),
  ...cifarKind(CIFAR100, {
    file: "cifar-100-binary.tar.gz",
    bytes: 168_513_733,
    sha256: "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
    texts: ["coarse_label_names.txt", "fine_label_names.txt"],
  }),
};
