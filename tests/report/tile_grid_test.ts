import { test } from "uvu";
import * as assert from "uvu/assert";
import { decode } from "fast-png";
import { channelSums, overlayBar, overlayPicture, pixelPicture, signalPicture } from "../../report/signal_picture.ts";
import { drawTileGrid, type TileGrid, tileGridSvg, wholeTile } from "../../report/tile_grid.ts";

const size = { height: 1, width: 2 };

test("a signal as colours: symmetric around grey, or from the smallest value to the largest", () => {
  const values = Float32Array.of(-1, 0, 0.5, 0.25, -0.5, 0);
  assert.equal([...signalPicture(values, size, "symmetric").pixels], [0, 128, 191, 159, 64, 128]);
  assert.equal([...signalPicture(values, size, "minmax").pixels], [0, 170, 255, 212, 85, 170]);
  for (const scale of ["symmetric", "minmax"] as const) {
    assert.equal([...signalPicture(new Float32Array(6), size, scale).pixels], new Array(6).fill(128));
  }
});

test("pixels as colours: rounded and clipped", () => {
  assert.equal([...pixelPicture(Float32Array.of(-3, 0.4, 254.6, 300, 7, 127.5), size).pixels], [
    0,
    0,
    255,
    255,
    7,
    128,
  ]);
});

test("a grid of tiles: every picture, enlarged by whole factors, its label and headings", async () => {
  const red = pixelPicture(Float32Array.from({ length: 12 }, (_, i) => i % 3 === 0 ? 255 : 0), { height: 2, width: 2 });
  const corner = { picture: red, left: 2, top: 0, width: 4, height: 4 };
  const grid = {
    title: "conv1 & conv2 < conv3",
    notes: ["a note"],
    groups: [{ name: "small", columns: 2 }, { name: "large", columns: 1, columnNames: ["guided"] }],
    rows: [
      { label: ["unit 3", "0.5"], tiles: [[wholeTile(red), null], [corner]] },
      { label: ["unit 4"], tiles: [[wholeTile(red), wholeTile(red)], [corner]] },
    ],
    side: 20,
  };
  const svg = tileGridSvg(grid);
  for (const text of ["conv1 &amp; conv2 &lt; conv3", "a note", "small", "large", "guided", "unit 3", "0.5"]) {
    assert.ok(svg.includes(`>${text}<`), text);
  }
  const places = [...svg.matchAll(/<image x="(\d+)" y="(\d+)" width="(\d+)" height="(\d+)"/g)].map((match) =>
    match.slice(1).map(Number)
  );
  assert.equal(places.map(([, , width, height]) => [width, height]), [[20, 20], [10, 10], [20, 20], [20, 20], [
    10,
    10,
  ]]);
  assert.is(
    places[1]![0]! - places[0]![0]!,
    24 + 24 - 4 + 20 + 10,
    "two columns and a gap on, in the corner of its cell",
  );
  const { width, data } = decode(await drawTileGrid(grid)), [x, y] = places[1] as [number, number];
  const colour = (dx: number, dy: number) => [...data.subarray(4 * ((y + dy) * width + x + dx)).subarray(0, 3)];
  assert.equal([colour(1, 1), colour(9, 9), colour(-2, 1), colour(1, 12)], [
    [255, 0, 0],
    [255, 0, 0],
    [128, 128, 128],
    [128, 128, 128],
  ]);
});

test("without title, without a background, enlarged, and with a strip of colours", async () => {
  const picture = { width: 2, height: 2, pixels: new Uint8Array(12) };
  const rows = [{ label: ["row"], tiles: [[wholeTile(picture)]] }], groups = [{ name: "group", columns: 1 }];
  const grid: TileGrid = { title: "What it is", notes: ["and a note"], groups, rows, side: 40 };
  const svg = tileGridSvg(grid), bare = tileGridSvg(grid, { title: false, transparent: true });
  assert.match(svg, 'fill="#ffffff"');
  assert.not.match(bare, 'fill="#ffffff"');
  assert.ok(svg.includes(grid.title) && !bare.includes(grid.title) && !bare.includes(grid.notes[0]!));
  const [once, twice] = [decode(await drawTileGrid(grid)), decode(await drawTileGrid(grid, {}, 2))];
  assert.equal([twice.width, twice.height], [2 * once.width, 2 * once.height]);
  const barred = tileGridSvg({
    ...grid,
    bar: { picture: overlayBar(), labels: ["against", "0", "for"], about: "in volts" },
  });
  assert.ok(barred.includes(">against</text>") && barred.includes(">in volts</text>"));
  const lettered = { ...grid, rows: [{ label: ["row"], tiles: [[{ ...wholeTile(picture), below: "±3" }]] }] };
  const heightOf = (text: string) => Number(/ height="(\d+)"/.exec(text)![1]);
  assert.ok(tileGridSvg(lettered).includes(">±3</text>") && heightOf(tileGridSvg(lettered)) > heightOf(svg));
});

test("an overlay: what speaks for a unit is orange, what against it blue, nothing the image in light grey", () => {
  const pixels = Float32Array.of(0, 0, 0, 100, 200, 0, 255, 255, 255); // three pixels
  const sums = channelSums(Float32Array.of(1, 2, 1, 0, 0, 0, -1, -1, 0), 3);
  const { pixels: drawn } = overlayPicture(pixels, sums, { height: 1, width: 3 });
  // 4 is the largest sum of channels; the last is -2, half of it; grey g becomes 128 + g / 2.
  assert.equal([...drawn], [213, 94, 0, 178, 178, 178, 128, 185, 217]);
});

test.run();
