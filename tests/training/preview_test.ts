import { test } from "uvu";
import * as assert from "uvu/assert";
import { loadConfig } from "../../configs/load.ts";
import { preview, type Previewed } from "../../training/preview.ts";
import { gpu } from "../_gpu.ts";

async function previewed(settings: readonly string[], options: { seed?: number } = {}): Promise<Previewed[]> {
  const config = await loadConfig("configs/quickstart.yaml", settings);
  const report = () => {};
  return await preview(await gpu(), config, null, { images: 3, variants: 2, seed: 0, report, ...options });
}
const pixels = ({ plain, variants }: Previewed) => [plain, ...variants].map((picture) => picture.pixels);

for (
  const [what, preprocess] of [
    ["no steps", "[]"],
    ["channel means and scale", "[{ channelMeans: [120, 110, 100] }, { scale: { subtract: 3, divide: 64 } }]"],
  ] as const
) {
  test(`without augmentation the network sees the image; its colours come back from ${what}`, async () => {
    const rows = await previewed([`dataset.preprocess=${preprocess}`]);
    assert.equal(rows.map(({ label }) => label), [0, 1, 2]);
    for (const row of rows) for (const seen of pixels(row)) assert.equal(seen, row.image.pixels);
  });
}

test("contrast-normalized images keep their brightest point, and grey is 0", async () => {
  const rows = await previewed([
    "dataset.preprocess=[{ gcn: { scale: 55 } }]",
    "dataset.augment={ pad: 16, flip: false }",
  ]);
  for (const { image, plain, variants } of rows) {
    const extreme = Math.max(...plain.pixels.map((value) => Math.abs(value - 127.5) >= 127 ? 1 : 0));
    assert.is(extreme, 1);
    assert.ok(image.pixels.indexOf(Math.max(...image.pixels)) === plain.pixels.indexOf(Math.max(...plain.pixels)));
    assert.ok(variants.some(({ pixels }) => pixels.filter((value) => value === 128).length > 3 * 32 * 4), "no border");
  }
});

test("a canvas has the image in its middle; variants differ by step and by seed, and stay the same for a seed", async () => {
  const distort = "{ stretch: 0.2, flip: true, shearOrRotation: 0.2, shift: 3, color: " +
    "{ offset: 25.5, contrast: 0.15, gradientX: 2.4, gradientY: 2.4 } }";
  const settings = [`dataset.canvas={ size: 40, background: 128, distort: ${distort} }`];
  const rows = await previewed(settings);
  for (const { image, plain, variants } of rows) {
    assert.equal([plain.width, plain.height], [40, 40]);
    for (let y = 0; y < 40; y++) {
      for (let x = 0; x < 40; x++) {
        const inside = x >= 4 && x < 36 && y >= 4 && y < 36, at = ((y - 4) * 32 + x - 4) * 3;
        const expected = inside ? image.pixels.slice(at, at + 3) : Uint8Array.of(128, 128, 128);
        assert.equal(plain.pixels.slice((y * 40 + x) * 3, (y * 40 + x) * 3 + 3), expected);
      }
    }
    assert.is(new Set([plain, ...variants].map(({ pixels }) => pixels.join())).size, 3);
  }
  assert.equal((await previewed(settings)).map(pixels), rows.map(pixels));
  assert.not.equal((await previewed(settings, { seed: 1 })).map(pixels), rows.map(pixels));
});

test.run();
