/** A table of images as a PNG: a title, named columns, a label in front of each row. */
import { encode } from "fast-png";
import { FONT_FAMILY, svgToPng } from "./png.ts";

/** An image of bytes red, green, blue, or of grey alone, row by row. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

export interface ImageGrid {
  readonly title: string;
  /** Lines below the title. */
  readonly notes: readonly string[];
  readonly columns: readonly string[];
  /** As many pictures each as there are columns; they may differ in size. */
  readonly rows: readonly { readonly label: string; readonly pictures: readonly Picture[] }[];
}

const MARGIN = 32;
const GAP = 8;
const LABEL_WIDTH = 116;
const LINE = 20;
/** Pictures are enlarged by whole factors to about this width. */
const TILE = 192;
const INK = "#1f2933";
const GRAY = "#6b7785";

/** Draws the table. Throws `UserError` where the packages that rasterize cannot be read. */
export function drawImageGrid(grid: ImageGrid): Promise<Uint8Array> {
  return svgToPng(imageGridSvg(grid));
}

/** The picture that `drawImageGrid` rasterizes, as an SVG document. */
export function imageGridSvg({ title, notes, columns, rows }: ImageGrid): string {
  const enlarged = (length: number) => length * Math.max(1, Math.round(TILE / length));
  const sides = rows.flatMap(({ pictures }) => pictures.flatMap(({ width, height }) => [width, height].map(enlarged)));
  const tile = Math.max(...sides, 1), pitch = tile + GAP;
  const left = MARGIN + LABEL_WIDTH, top = MARGIN + 34 + LINE * notes.length + 36;
  const width = left + columns.length * pitch - GAP + MARGIN, height = top + rows.length * pitch - GAP + MARGIN;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="${FONT_FAMILY}" ` +
    `font-size="14" fill="${GRAY}">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    svgText(MARGIN, MARGIN + 16, title, `font-size="22" font-weight="600" fill="${INK}"`),
    ...notes.map((note, i) => svgText(MARGIN, MARGIN + 44 + LINE * i, note, "")),
    ...columns.map((name, i) => svgText(left + i * pitch + tile / 2, top - 12, name, `text-anchor="middle"`)),
    ...rows.flatMap(({ label, pictures }, row) => [
      svgText(left - 14, top + row * pitch + tile / 2 + 5, label, `text-anchor="end" font-weight="600" fill="${INK}"`),
      ...pictures.map((picture, column) => {
        const w = enlarged(picture.width), h = enlarged(picture.height);
        const x = left + column * pitch + (tile - w) / 2, y = top + row * pitch + (tile - h) / 2;
        return `<image x="${x}" y="${y}" width="${w}" height="${h}" image-rendering="optimizeSpeed" href="${
          dataUrl(picture)
        }"/>`;
      }),
    ]),
    `</svg>`,
  ].join("\n");
}

/** A picture as an address that an SVG document can show. */
export function dataUrl({ width, height, pixels }: Picture): string {
  const png = encode({ width, height, data: pixels, channels: pixels.length / (width * height) });
  let binary = "";
  for (const byte of png) binary += String.fromCharCode(byte);
  return `data:image/png;base64,${btoa(binary)}`;
}

/** A line of text in an SVG document. */
export function svgText(x: number, y: number, content: string, attributes: string): string {
  const escaped = content.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  return `<text x="${x}" y="${y}" ${attributes}>${escaped}</text>`;
}
