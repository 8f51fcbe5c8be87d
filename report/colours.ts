/** The colours of curves, told apart by the colour-blind too (Okabe and Ito): on light paper, and lighter ones on dark. */
export type Colour = readonly [light: string, dark: string];

/** One for each of several runs or settings. */
export const SERIES: readonly Colour[] = [
  ["#d55e00", "#f08a3c"],
  ["#0072b2", "#56b4e9"],
  ["#009e73", "#3fbf95"],
  ["#b0588f", "#dd9cc3"],
  ["#8a6d00", "#d9b93a"],
  ["#4b4b4b", "#b8b8b8"],
];

/** Errors and losses of the test images, and of training; page/page.css has the same. */
export const SPLITS: { readonly test: Colour; readonly train: Colour } = { test: SERIES[0]!, train: SERIES[1]! };
