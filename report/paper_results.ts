/**
 * The paper's results as data: J. T. Springenberg, A. Dosovitskiy, T. Brox, M. Riedmiller, "Striving for Simplicity: The
 * All Convolutional Net", arXiv 1412.6806. Errors are of the test images, for ImageNet of the validation images.
 */

/**
 * How sure a number is: `certain`, from the paper's text or from sources that agree; `listed`, as another list of results
 * quotes it; `unverified`, from general knowledge, without a source at hand.
 */
export type Certainty = "certain" | "listed" | "unverified";

export interface PaperResult {
  /** As the paper names it. */
  readonly method: string;
  /** The config of this method that comes with allcnn, or null: other people's methods. */
  readonly config: string | null;
  /** Percent, with the decimals that the paper prints. */
  readonly testError: string;
  readonly errorIs: Certainty;
  /** As the paper prints it, or null where it prints none. */
  readonly parameters: string | null;
  readonly parametersAre: Certainty;
}

export interface PaperBlock {
  /** The heading above these rows, or null. */
  readonly title: string | null;
  readonly rows: readonly PaperResult[];
}

/** What is said of a number that is not certain. */
export const CERTAINTY_NOTES: Readonly<Record<Certainty, string | null>> = {
  certain: null,
  listed: "Not read in the paper itself: as R. Benenson's list of published results quotes it",
  unverified: "From general knowledge, not checked against the paper",
};

/** Where the certain numbers are from. */
export const SOURCES = [
  "Table 3: two transcriptions of the paper's table that agree, by a course at Columbia University and by students of " +
  "TU Delft",
  "Table 4: All-CNN and Large All-CNN from the paper and R. Benenson's list of results (rodrigob.github.io), Maxout from " +
  "the documentation of pylearn2, other methods as their footnotes say",
  "ImageNet: section 3.2.3 of the paper",
];

/** Of Table 3, whose numbers are all certain. */
function model(method: string, config: string, testError: string, parameters: string): PaperResult {
  return { method, config, testError, errorIs: "certain", parameters, parametersAre: "certain" };
}

/** Of Table 4. */
function row(
  method: string,
  testError: string,
  errorIs: Certainty,
  parameters: string | null = null,
  config: string | null = null,
): PaperResult {
  return { method, config, testError, errorIs, parameters, parametersAre: "unverified" };
}

/** CIFAR-10 without augmentation: three base models and what was derived of each. */
export const TABLE_3: readonly PaperBlock[] = [
  {
    title: null,
    rows: [
      model("Model A", "base-a", "12.47", "≈ 0.9 M"),
      model("Strided-CNN-A", "strided-a", "13.46", "≈ 0.9 M"),
      model("ConvPool-CNN-A", "convpool-a", "10.21", "≈ 1.28 M"),
      model("All-CNN-A", "allcnn-a", "10.30", "≈ 1.28 M"),
    ],
  },
  {
    title: null,
    rows: [
      model("Model B", "base-b", "10.20", "≈ 1 M"),
      model("Strided-CNN-B", "strided-b", "10.98", "≈ 1 M"),
      model("ConvPool-CNN-B", "convpool-b", "9.33", "≈ 1.35 M"),
      model("All-CNN-B", "allcnn-b", "9.10", "≈ 1.35 M"),
    ],
  },
  {
    title: null,
    rows: [
      model("Model C", "base-c", "9.74", "≈ 1.3 M"),
      model("Strided-CNN-C", "strided-c", "10.19", "≈ 1.3 M"),
      model("ConvPool-CNN-C", "convpool-c", "9.31", "≈ 1.4 M"),
      model("All-CNN-C", "allcnn-c", "9.08", "≈ 1.4 M"),
    ],
  },
];

/** Comparison with other methods. */
export const TABLE_4: readonly PaperBlock[] = [
  {
    title: "CIFAR-10 without data augmentation",
    rows: [
      row("Maxout", "11.68", "certain", "> 6 M"),
      row("Network in Network", "10.41", "unverified", "≈ 1 M"),
      row("Deeply Supervised", "9.69", "unverified", "≈ 1 M"),
      row("All-CNN", "9.08", "certain", "≈ 1.3 M", "allcnn-c"),
    ],
  },
  {
    title: "CIFAR-10 with data augmentation",
    rows: [
      row("Maxout", "9.38", "certain", "> 6 M"),
      row("DropConnect", "9.32", "listed"),
      row("dasNet", "9.22", "listed", "> 6 M"),
      row("Network in Network", "8.81", "listed", "≈ 1 M"),
      row("Deeply Supervised", "7.97", "unverified", "≈ 1 M"),
      row("All-CNN", "7.25", "certain", "≈ 1.3 M", "allcnn-c-augmented"),
    ],
  },
  {
    title: "CIFAR-100 with data augmentation",
    rows: [
      row("CNN + tree prior", "36.85", "listed"),
      row("Network in Network", "35.68", "listed"),
      row("Deeply Supervised", "34.57", "listed"),
      row("Maxout (larger)", "34.54", "unverified"),
      row("dasNet", "33.78", "listed"),
      row("All-CNN", "33.71", "certain", null, "allcnn-c-cifar100"),
      row("Fractional pooling (1 test)", "31.45", "listed"),
      row("Fractional pooling (12 tests)", "26.39", "listed"),
    ],
  },
  {
    title: "CIFAR-10 with large data augmentation",
    rows: [
      row("Spatially sparse CNN", "4.47", "unverified"),
      row("Large All-CNN", "4.41", "certain", null, "large-allcnn"),
      row("Fractional pooling (1 test)", "4.50", "listed"),
      row("Fractional pooling (100 tests)", "3.47", "listed"),
    ],
  },
];

/** Section 3.2.3: top-1 error on the middle 224x224 of the validation images. */
export const IMAGENET: readonly PaperBlock[] = [
  {
    title: null,
    rows: [
      { ...row("Krizhevsky et al. (2012)", "40.7", "certain"), parametersAre: "certain" },
      { ...row("All-CNN-B, scaled up", "41.2", "certain", "< 10 M", "allcnn-b-imagenet"), parametersAre: "certain" },
    ],
  },
];

/** The configs that the tables name, each once. */
export const PAPER_CONFIGS: readonly string[] = [
  ...new Set([...TABLE_3, ...TABLE_4, ...IMAGENET].flatMap(({ rows }) => rows.flatMap(({ config }) => config ?? []))),
];
