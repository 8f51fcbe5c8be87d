import { test } from "uvu";
import * as assert from "uvu/assert";
import { decode } from "fast-png";
import { drawImageGrid, imageGridSvg, type Picture } from "../../report/image_grid.ts";

const plain = (side: number, color: readonly number[]): Picture => ({
  width: side,
  height: side,
  pixels: Uint8Array.from({ length: 3 * side * side }, (_, i) => color[i % 3]!),
});
const GRID = {
  title: "a < b",
  notes: ["one", "two"],
  columns: ["left", "right"],
  rows: [
    { label: "first", pictures: [plain(32, [200, 10, 20]), plain(126, [1, 2, 3])] },
    { label: "second", pictures: [plain(32, [0, 0, 255]), plain(126, [250, 251, 252])] },
  ],
};

test("each picture is in its cell, enlarged by a whole factor, in its colours; text is escaped", async () => {
  const svg = imageGridSvg(GRID);
  for (const words of ["a &lt; b", "one", "two", "left", "right", "first", "second"]) assert.ok(svg.includes(words));
  const places = [...svg.matchAll(/<image x="([\d.]+)" y="([\d.]+)" width="(\d+)" height="(\d+)"/g)]
    .map((match) => match.slice(1).map(Number) as [number, number, number, number]);
  assert.equal(places.map(([, , width, height]) => [width, height]), [[192, 192], [252, 252], [192, 192], [252, 252]]);
  const { width, height, data, channels } = decode(await drawImageGrid(GRID));
  const at = (x: number, y: number) =>
    Array.from(data.slice((y * width + x) * channels, (y * width + x) * channels + 3));
  const corners = places.flatMap(([x, y, w, h]) => [[x + 1, y + 1], [x + w - 2, y + h - 2]] as const);
  const found = corners.map(([x, y]) => at(Math.round(x), Math.round(y)));
  const colors = GRID.rows.flatMap(({ pictures }) => pictures.map(({ pixels }) => Array.from(pixels.slice(0, 3))));
  assert.equal(found, colors.flatMap((color) => [color, color]));
  assert.equal(at(width - 2, height - 2), [255, 255, 255]);
});

test.run();
