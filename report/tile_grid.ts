/** Many small pictures as one PNG: groups of columns beside one another, a label in front of each row. */
import { encode } from "fast-png";
import { FONT_FAMILY, svgToPng } from "./png.ts";
import { GRAY, INK, svgText, textWidth as widthOf } from "./svg_text.ts";

/** An image of bytes red, green, blue, or of grey alone, row by row. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

/** A group of columns with a name above it, and names of the columns if each has one. */
export interface TileGroup {
  readonly name: string;
  readonly columns: number;
  readonly columnNames?: readonly string[];
}

/** A picture in its cell, `left` and `top` pixels from the corner of an area of `width` and `height` pixels. */
export interface Tile {
  readonly picture: Picture;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  /** A few letters below it, as what its colours reach to. */
  readonly below?: string;
}

export interface TileGrid {
  readonly title: string;
  /** Lines below the title. */
  readonly notes: readonly string[];
  readonly groups: readonly TileGroup[];
  /** Lines of the label, and the tiles of each group; null leaves a cell empty. */
  readonly rows: readonly {
    readonly label: readonly string[];
    readonly tiles: readonly (readonly (Tile | null)[])[];
  }[];
  /**
   * What colours mean, below all tiles: a strip of them, what its left end, middle and right end are, and a line on what
   * is measured.
   */
  readonly bar?: {
    readonly picture: Picture;
    readonly labels: readonly [string, string, string];
    readonly about: string;
  };
  /** The side of a cell, about: pictures are enlarged by whole factors, those of more than twice the side shrunk. */
  readonly side: number;
}

const MARGIN = 24;
const GAP = 4;
const GROUP_GAP = 20;
const LINE = 18;

/** How a grid is drawn. */
export interface GridStyle {
  /** Title and notes above it; the default is yes. */
  readonly title?: boolean;
  /** Nothing behind it, instead of white; the default is no. */
  readonly transparent?: boolean;
}

/** A whole picture as a tile. */
export function wholeTile(picture: Picture): Tile {
  return { picture, left: 0, top: 0, width: picture.width, height: picture.height };
}

/** Draws the grid, `zoom` times as large. Throws `UserError` where the packages that rasterize cannot be read. */
export function drawTileGrid(grid: TileGrid, style: GridStyle = {}, zoom = 1): Promise<Uint8Array> {
  const svg = tileGridSvg(grid, style);
  return svgToPng(svg, zoom * Number(/width="(\d+)"/.exec(svg)![1]));
}

/** The picture that `drawTileGrid` rasterizes, as an SVG document. */
export function tileGridSvg(
  { groups, rows, side, bar, ...head }: TileGrid,
  { title: titled = true, transparent = false }: GridStyle = {},
): string {
  const { title, notes } = titled ? head : { title: "", notes: [] };
  const cells = groups.map((_, at) => cellOf(rows.flatMap(({ tiles }) => tiles[at]!), side));
  const tallest = Math.max(...cells.map(({ cell }) => cell));
  const lettered = rows.some(({ tiles }) => tiles.flat().some((tile) => tile?.below !== undefined));
  const pitch = tallest + GAP + (lettered ? BELOW.line : 0);
  const span = (at: number) => groups[at]!.columns * (cells[at]!.cell + GAP) - GAP;
  const textWidth = (size: number) => (text: string) => widthOf(text, size);
  const labels = rows.flatMap(({ label }) => label), labelWidth = Math.max(0, ...labels.map(textWidth(13)));
  const left = Math.ceil(MARGIN + (labelWidth > 0 ? labelWidth + 12 : 0)); // tiles on whole pixels
  const named = groups.some(({ columnNames }) => columnNames !== undefined);
  const top = MARGIN + (titled ? 28 + LINE * notes.length + 14 : 0) + LINE + (named ? LINE : 0);
  const starts = groups.map((_, at) =>
    groups.slice(0, at).reduce((x, _, before) => x + span(before) + GROUP_GAP, left)
  );
  const right = starts.at(-1)! + span(groups.length - 1);
  const ends = groups.map(({ name }, at) => starts[at]! + textWidth(13)(name));
  const lines = [textWidth(20)(title), ...notes.map(textWidth(13)), textWidth(13)(bar?.about ?? "") + left - MARGIN]
    .map((length) => MARGIN + length);
  const width = Math.ceil(Math.max(right, ...ends, ...lines) + MARGIN);
  const below = top + rows.length * pitch - GAP,
    height = below + MARGIN + (bar === undefined ? 0 : BAR.height + 3 * LINE);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="${FONT_FAMILY}" ` +
    `font-size="13" fill="${GRAY}">`,
    transparent ? "" : `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    svgText(MARGIN, MARGIN + 14, title, `font-size="20" font-weight="600" fill="${INK}"`),
    ...notes.map((note, i) => svgText(MARGIN, MARGIN + 38 + LINE * i, note, "")),
    ...groups.flatMap(({ name, columnNames = [] }, group) => [
      svgText(starts[group]!, top - 8 - (named ? LINE : 0), name, `font-weight="600" fill="${INK}"`),
      ...columnNames.map((column, i) =>
        svgText(
          starts[group]! + i * (cells[group]!.cell + GAP) + cells[group]!.cell / 2,
          top - 8,
          column,
          `text-anchor="middle"`,
        )
      ),
    ]),
    ...rows.flatMap(({ label, tiles }, row) => [
      ...label.map((line, i) =>
        svgText(
          left - 12,
          top + row * pitch + tallest / 2 + 5 + (i - (label.length - 1) / 2) * 16,
          line,
          `text-anchor="end" ${i === 0 ? `font-weight="600" fill="${INK}"` : ""}`,
        )
      ),
      ...tiles.flatMap((group, at) =>
        group.map((tile, column) =>
          tile === null
            ? ""
            : image(tile, starts[at]! + column * (cells[at]!.cell + GAP), top + row * pitch, cells[at]!)
        )
      ),
    ]),
    ...bar === undefined ? [] : barOf(bar, left, below + LINE),
    `</svg>`,
  ].join("\n");
}

const BAR = { width: 240, height: 10 } as const;
const BELOW = { size: 11, line: 15 } as const;

function barOf({ picture, labels, about }: NonNullable<TileGrid["bar"]>, x: number, y: number): string[] {
  const anchors = ["start", "middle", "end"];
  return [
    `<image x="${x}" y="${y}" width="${BAR.width}" height="${BAR.height}" preserveAspectRatio="none" ` +
    `href="${dataUrl(picture)}"/>`,
    ...labels.map((label, i) =>
      svgText(x + i * BAR.width / 2, y + BAR.height + 14, label, `text-anchor="${anchors[i]}"`)
    ),
    svgText(x, y + BAR.height + 14 + LINE, about, ""),
  ];
}

interface Cell {
  /** Pixels of the grid for one of the pictures. */
  readonly factor: number;
  /** Its side. */
  readonly cell: number;
}

/** All tiles of a group are enlarged alike. */
function cellOf(tiles: readonly (Tile | null)[], side: number): Cell {
  const largest = Math.max(1, ...tiles.flatMap((tile) => tile === null ? [] : [tile.width, tile.height]));
  const factor = largest > 2 * side ? 2 * side / largest : Math.max(1, Math.round(side / largest));
  return { factor, cell: Math.round(factor * largest) };
}

/** The tile with what stands below it, in the middle of the cell at [x, y]; enlarged pixels stay squares. What it does not fill of its area is grey. */
function image({ picture, below, ...area }: Tile, x: number, y: number, { factor, cell }: Cell): string {
  const centre = (length: number) => Math.round((cell - factor * length) / 2);
  const [across, down] = [x + centre(area.width), y + centre(area.height)];
  const left = across + factor * area.left, top = down + factor * area.top;
  const rendering = factor < 1 ? "optimizeQuality" : "optimizeSpeed";
  const whole = picture.width === area.width && picture.height === area.height;
  const behind = whole
    ? ""
    : `<rect x="${across}" y="${down}" width="${factor * area.width}" height="${
      factor * area.height
    }" fill="#808080"/>`;
  const letters = below === undefined
    ? ""
    : svgText(x + cell / 2, y + cell + BELOW.size, below, `text-anchor="middle" font-size="${BELOW.size}"`);
  return `${behind}${letters}<image x="${left}" y="${top}" width="${factor * picture.width}" height="${
    factor * picture.height
  }" ` +
    `image-rendering="${rendering}" href="${dataUrl(picture)}"/>`;
}

/** A picture as an address that an SVG document can show. */
export function dataUrl({ width, height, pixels }: Picture): string {
  const png = encode({ width, height, data: pixels, channels: pixels.length / (width * height) });
  let binary = "";
  for (const byte of png) binary += String.fromCharCode(byte);
  return `data:image/png;base64,${btoa(binary)}`;
}
