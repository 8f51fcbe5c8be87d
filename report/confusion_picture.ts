/** A confusion matrix as a PNG: what is right on the diagonal in blue, what is wrong beside it in orange. */
import { FONT_FAMILY, svgToPng } from "./png.ts";
import { GRAY, INK, svgText, textWidth } from "./svg_text.ts";
import { dataUrl, type Picture } from "./tile_grid.ts";

export interface ConfusionMatrix {
  readonly title: string;
  /** The names of the classes. */
  readonly classes: readonly string[];
  /** How many examples of one class (row) were predicted as another (column). */
  readonly confusion: readonly (readonly number[])[];
}

type Color = readonly [red: number, green: number, blue: number];
const RIGHT: Color = [0, 114, 178], WRONG: Color = [213, 94, 0]; // told apart by the colour-blind too (Okabe and Ito)
const EMPTY: Color = [246, 247, 249];

const MARGIN = 24;
const NOTE_LINE = 18;
/** Up to so many classes the cells hold numbers; up to so many the rows have names. */
const NUMBERED = 25, NAMED = 120;

/** Draws the matrix. Throws `UserError` where the packages that rasterize cannot be read. */
export function drawConfusion(matrix: ConfusionMatrix): Promise<Uint8Array> {
  return svgToPng(confusionSvg(matrix));
}

/** How far from white to its colour a cell is: its share of the row's examples; of mistakes, in parts of the largest. */
function strengths(confusion: ConfusionMatrix["confusion"]): number[][] {
  const shares = confusion.map((row) => {
    const sum = row.reduce((a, b) => a + b, 0);
    return row.map((count) => sum === 0 ? 0 : count / sum);
  });
  const worst = shares.flatMap((row, label) => row.filter((_, predicted) => predicted !== label))
    .reduce((largest, share) => Math.max(largest, share), 0) || 1;
  return shares.map((row, label) => row.map((share, predicted) => predicted === label ? share : share / worst));
}

/** One pixel for each cell. */
function cellsOf({ confusion }: ConfusionMatrix, strength: readonly (readonly number[])[]): Picture {
  const side = confusion.length, pixels = new Uint8Array(3 * side * side).fill(255);
  confusion.forEach((row, label) =>
    row.forEach((count, predicted) => {
      const color = label === predicted ? RIGHT : WRONG, part = 0.12 + 0.88 * strength[label]![predicted]!;
      const mixed = count === 0 ? EMPTY : color.map((value) => Math.round(255 + part * (value - 255)));
      pixels.set(mixed, 3 * (label * side + predicted));
    })
  );
  return { width: side, height: side, pixels };
}

/** What `drawConfusion` rasterizes, as an SVG document. */
export function confusionSvg(matrix: ConfusionMatrix): string {
  const { title, classes, confusion } = matrix, count = classes.length, strength = strengths(confusion);
  const cell = count <= NUMBERED ? 46 : count <= NAMED ? 11 : Math.max(1, Math.floor(1200 / count));
  const size = count <= NUMBERED ? 13 : 9, side = cell * count, names = count <= NAMED ? classes : [];
  const longest = Math.max(0, ...names.map((name) => textWidth(name, size)));
  const notes = [
    "Rows: the true class. Columns: the predicted one. Blue: recognized. Orange: mistaken.",
    "Stronger is a larger share of the row; among the mistakes, the largest share is the strongest.",
  ];
  const left = Math.ceil(MARGIN + longest + 8),
    headings = [textWidth(title, 20), ...notes.map((x) => textWidth(x, 13))];
  const top = Math.ceil(MARGIN + 28 + NOTE_LINE * notes.length + 14 + (names.length > 0 ? longest + 8 : 0));
  // The names above the columns lean to the right, beyond the last one.
  const width = Math.ceil(Math.max(left + side + 0.6 * longest, MARGIN + Math.max(...headings)) + MARGIN);
  const middle = (index: number) => (index + 0.5) * cell;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${top + side + MARGIN}" ` +
    `font-family="${FONT_FAMILY}" font-size="13" fill="${GRAY}">`,
    `<rect width="${width}" height="${top + side + MARGIN}" fill="#ffffff"/>`,
    svgText(MARGIN, MARGIN + 14, title, `font-size="20" font-weight="600" fill="${INK}"`),
    ...notes.map((note, i) => svgText(MARGIN, MARGIN + 38 + NOTE_LINE * i, note, "")),
    `<image x="${left}" y="${top}" width="${side}" height="${side}" image-rendering="optimizeSpeed" ` +
    `href="${dataUrl(cellsOf(matrix, strength))}"/>`,
    ...names.flatMap((name, index) => {
      const x = left + middle(index) + size / 3, y = top - 6, look = `font-size="${size}" fill="${INK}"`;
      return [
        svgText(left - 8, top + middle(index) + size / 3, name, `text-anchor="end" ${look}`),
        svgText(x, y, name, `transform="rotate(-60 ${x} ${y})" ${look}`),
      ];
    }),
    ...(count > NUMBERED ? [] : confusion.flatMap((row, label) =>
      row.map((value, predicted) => {
        const light = strength[label]![predicted]! > 0.55,
          at = `text-anchor="middle" fill="${light ? "#ffffff" : INK}"`;
        return value === 0 ? "" : svgText(left + middle(predicted), top + middle(label) + 4.5, String(value), at);
      })
    )),
    `</svg>`,
  ].join("\n");
}
