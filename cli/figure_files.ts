/** A figure as files: the picture, and what it shows as text. */
import { UserError } from "../core/host/errors.ts";
import { drawTileGrid, type TileGrid, tileGridSvg } from "../report/tile_grid.ts";
import type { Arguments, Option } from "./arguments.ts";
import type { Figure } from "./figure.ts";

/** How figures are drawn. */
export const FIGURE_OPTIONS: readonly Option[] = [
  { name: "svg", value: null, help: "SVG instead of PNG" },
  { name: "zoom", value: "N", help: "as many pixels to one, 1 to 8; default: 1" },
  { name: "transparent", value: null, help: "nothing behind the pictures, instead of white" },
  { name: "no-title", value: null, help: "no title above them; the text file beside each figure has it" },
];

const MOST_ZOOM = 8;

/** The zoom that is asked for. Throws `UserError` where it is none, or there is nothing to enlarge. */
export function zoomOf(args: Arguments): number {
  const zoom = args.integer("zoom", 1) ?? 1;
  if (zoom > MOST_ZOOM) throw new UserError(`--zoom expects a whole number from 1 to ${MOST_ZOOM}, got ${zoom}`);
  if (args.flag("svg") && zoom > 1) throw new UserError("--zoom is of PNG files: an SVG has any size, leave one out");
  return zoom;
}

/** The files of a figure by name, the picture first. */
export async function filesOf(
  { name, grid, captions }: Figure,
  args: Arguments,
): Promise<readonly (readonly [string, Uint8Array | string])[]> {
  const style = { title: !args.flag("no-title"), transparent: args.flag("transparent") };
  const picture = args.flag("svg")
    ? [`${name}.svg`, tileGridSvg(grid, style)] as const
    : [`${name}.png`, await drawTileGrid(grid, style, zoomOf(args))] as const;
  return [picture, [`${name}.txt`, textOf(grid, captions)]];
}

/** What a grid shows, line by line: its title, notes, columns, and what is said of its pictures. */
export function textOf({ title, notes, groups }: TileGrid, captions: readonly string[]): string {
  const columns = groups.map(({ name, columns, columnNames = [] }) =>
    `${name}${columns > 1 ? ` (${columnNames.length > 0 ? columnNames.join(", ") : `${columns} columns`})` : ""}`
  );
  return [title, ...notes, `columns: ${columns.join("; ")}`, ...captions, ""].join("\n");
}
