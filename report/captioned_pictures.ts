/** Pictures beside and below one another, each with lines of its own below it, as one PNG. */
import { FONT_FAMILY, svgToPng } from "./png.ts";
import { GRAY, INK, svgText, textWidth } from "./svg_text.ts";
import { dataUrl, type Picture } from "./tile_grid.ts";

export interface CaptionedPicture {
  readonly picture: Picture;
  /** The first line is in bold. */
  readonly caption: readonly string[];
}

export interface CaptionedPictures {
  readonly title: string;
  /** A line below the title. */
  readonly note: string;
  readonly columns: number;
  readonly pictures: readonly CaptionedPicture[];
}

const MARGIN = 24;
const GAP = 16;
const LINE = 17;
const SIZE = 13;
/** About how long the longer side of a picture becomes. */
const SIDE = 128;

/** Draws the pictures. Throws `UserError` where the packages that rasterize cannot be read. */
export function drawCaptionedPictures(pictures: CaptionedPictures): Promise<Uint8Array> {
  return svgToPng(captionedPicturesSvg(pictures));
}

/** What `drawCaptionedPictures` rasterizes, as an SVG document. */
export function captionedPicturesSvg({ title, note, columns, pictures }: CaptionedPictures): string {
  const longest = Math.max(...pictures.map(({ picture: { width, height } }) => Math.max(width, height)));
  // Whole factors where pixels are enlarged, so that they stay squares of one size.
  const factor = longest > SIDE ? SIDE / longest : Math.round(SIDE / longest), side = Math.round(factor * longest);
  const lines = pictures.flatMap(({ caption }) => caption).map((line) => textWidth(line, SIZE));
  const cell = Math.ceil(Math.max(side, ...lines)), used = Math.min(columns, pictures.length);
  const captioned = side + LINE * Math.max(...pictures.map(({ caption }) => caption.length)) + 6;
  const top = MARGIN + 60, rows = Math.ceil(pictures.length / columns);
  const headings = [textWidth(title, 20), textWidth(note, SIZE)];
  const width = Math.ceil(Math.max(used * (cell + GAP) - GAP, ...headings)) + 2 * MARGIN;
  const height = top + rows * (captioned + GAP) - GAP + MARGIN;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="${FONT_FAMILY}" ` +
    `font-size="${SIZE}" fill="${GRAY}">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    svgText(MARGIN, MARGIN + 14, title, `font-size="20" font-weight="600" fill="${INK}"`),
    svgText(MARGIN, MARGIN + 38, note, ""),
    ...pictures.flatMap(({ picture, caption }, index) => {
      const x = MARGIN + index % columns * (cell + GAP), y = top + Math.floor(index / columns) * (captioned + GAP);
      const size = `width="${Math.round(factor * picture.width)}" height="${Math.round(factor * picture.height)}"`;
      const rendering = factor < 1 ? "optimizeQuality" : "optimizeSpeed";
      return [
        `<image x="${x}" y="${y}" ${size} image-rendering="${rendering}" href="${dataUrl(picture)}"/>`,
        ...caption.map((line, i) =>
          svgText(x, y + side + LINE * (i + 1), line, i === 0 ? `font-weight="600" fill="${INK}"` : "")
        ),
      ];
    }),
    `</svg>`,
  ].join("\n");
}
