/** What SVG pictures of tiles and tables share: their ink, lines of text, and about how long these are. */
import { escaped } from "./html.ts";

export const INK = "#1f2933";
export const GRAY = "#6b7785";

/** Width of a letter in units of the font size, on average. */
const LETTER = 0.53;

/** About how wide a line is, in the units of its font size. */
export const textWidth = (text: string, size: number): number => text.length * size * LETTER;

/** A line of text in an SVG document. */
export function svgText(x: number, y: number, content: string, attributes: string): string {
  return `<text x="${x}" y="${y}" ${attributes}>${escaped(content)}</text>`;
}
