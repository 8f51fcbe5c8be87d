/** Searching and cropping on a small network, against brute force on the host in float64. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { UserError } from "../../core/host/errors.ts";
import { listImageFolder } from "../../data/image_folder.ts";
import { explain, type Explanation } from "../../explain/explain.ts";
import { topActivationsOn } from "../../explain/top_activations.ts";
import { topPatches } from "../../explain/top_patches.ts";
import { openPixels } from "../../training/example_pixels.ts";
import { channelScale } from "../../data/transforms/mod.ts";
import { preprocess } from "../../training/preprocess.ts";
import { makeResident } from "../../training/resident.ts";
import { stream } from "../../training/streamed.ts";
import { colors } from "../data/_pictures.ts";
import { random, relativeError } from "../_gpu.ts";
import { forward, type Named, signalBack } from "../_reference_network.ts";
import { CONFIG, SIZE, withModel } from "./_network.ts";

const COUNT = 10, IMAGE = 12 * 12 * 3; // batches of 4, the last one padded
/** Bytes; the last image is the third one again. */
const pixels = Float32Array.from(random(COUNT * IMAGE, 9), (value) => Math.floor(127.5 * value + 127.5));
pixels.copyWithin((COUNT - 1) * IMAGE, 2 * IMAGE, 3 * IMAGE);
const imageOf = (n: number) => pixels.slice(n * IMAGE, (n + 1) * IMAGE);
const seen = (n: number) => Float64Array.from(imageOf(n), (value) => value / 127.5 - 1);
const reader = { read: (index: number) => Promise.resolve(imageOf(index)) };

const passesOf = (params: Named, n: number) =>
  forward(CONFIG.network, params, { x: seen(n), batch: 1, size: SIZE }, null);

/** The largest output of each unit of a layer for each image. */
function maximaOf(params: Named, layer: string) {
  return Array.from({ length: COUNT }, (_, n) => {
    const { y, size } = passesOf(params, n).find(({ name }) => name === layer)!;
    return Array.from({ length: size.channels }, (_, unit) => {
      const values = y.filter((_, i) => i % size.channels === unit), activation = Math.max(...values);
      const at = values.indexOf(activation);
      return { activation, position: [Math.floor(at / size.width), at % size.width] };
    });
  });
}

for (const layer of ["conv2", "pool1", "globalAveragePool"]) {
  test(`the images that activate each unit of ${layer} most are those of brute force`, async () => {
    await withModel(async (model, params) => {
      const images = await preprocess(model, pixels), labels = new Uint32Array(COUNT);
      const data = { images, labels, count: COUNT, shape: model.input }, shares: number[] = [];
      const found = await topActivationsOn(
        model,
        (own) => makeResident(own.context, own.buffers, "search", data),
        { layer, k: 4, report: (done) => shares.push(done) },
      );
      const maxima = maximaOf(params, layer);
      assert.is(found.length, maxima[0]!.length);
      assert.equal(shares, [0, 0.4, 0.8]);
      found.forEach((list, unit) => {
        const best = maxima.map((row, example) => ({ example, ...row[unit]! }))
          .sort((a, b) => b.activation - a.activation || a.example - b.example).slice(0, 4);
        assert.equal(list.map(({ example }) => example), best.map(({ example }) => example), `unit ${unit}`);
        list.forEach(({ position, activation }, i) => {
          assert.ok(Math.abs(activation - best[i]!.activation) < 1e-5 * (1 + Math.abs(activation)));
          if (best[i]!.activation > 0) assert.equal(position, best[i]!.position);
        });
      });
    });
  });
}

test("patches: pixels and reconstructions of the receptive field, at the border too, and nothing outside of it", async () => {
  await withModel(async (model, params) => {
    const positions = new Set<string>(),
      images = await preprocess(model, pixels),
      rules = ["gradient", "guided"] as const;
    const data = { images, labels: new Uint32Array(COUNT), count: COUNT, shape: model.input };
    const open = (own: typeof model) => makeResident(own.context, own.buffers, "search", data);
    const lists = await topActivationsOn(model, open, { layer: "conv2", k: 3 });
    const units = [5, 1, 0, 2, 3, 4, 6], wanted = new Map(units.map((unit) => [unit, lists[unit]!]));
    // What is shown is made of whole signals, and cut out then: here each value by a factor of its own.
    const factor = (i: number) => 1 + i / IMAGE;
    const shown = (explained: readonly Explanation[]) =>
      Promise.resolve(explained.map((each) => ({
        ...each,
        reconstruction: each.reconstruction.map((value, i) => factor(i) * value),
      })));
    const rows = await topPatches(model, wanted, reader, { layer: "conv2", rules, shown });
    assert.equal(rows.map(([first]) => first!.unit), units);
    for (const patch of rows.flat()) {
      const { unit, example, position: [y, x], field, image, reconstructions } = patch;
      assert.equal({ ...field }, { top: 2 * y - 2, left: 2 * x - 2, height: 5, width: 5 }); // 3x3 over 3x3 with stride 2
      positions.add(image.values.length < 75 ? "border" : "inside");
      const passes = passesOf(params, example), { y: output, size } = passes.find(({ name }) => name === "conv2")!;
      const dy = new Float64Array(output.length);
      dy[(y * size.width + x) * size.channels + unit] = 1;
      const inside = (i: number) => {
        const row = Math.floor(i / 36), column = Math.floor(i / 3) % 12;
        return row >= field.top && row < field.top + 5 && column >= field.left && column < field.left + 5;
      };
      assert.equal([...image.values], [...imageOf(example)].filter((_, i) => inside(i)));
      assert.is(image.values.length, image.height * image.width * 3);
      rules.forEach((rule, r) => {
        const whole = signalBack(passes, "conv2", dy, { rule, switches: true });
        assert.ok(whole.every((value, i) => inside(i) || value === 0));
        const expected = whole.map((value, i) => factor(i) * value).filter((_, i) => inside(i));
        assert.ok(relativeError(reconstructions[r]!.values, expected) < 1e-5);
      });
    }
    assert.is(positions.size, 2, "patches at the border and inside");
  });
});

test("pictures that stream through: the damaged one is left out, activations are those of explain", async () => {
  const folder = await colors(1, 3);
  try {
    folder.write("val/b/0.JPEG", new Uint8Array(50));
    await withModel(async (model) => {
      const listed = await listImageFolder(folder.directory, "val"), warnings: string[] = [];
      const crops = CONFIG.dataset.imageFolder!, scale = channelScale(CONFIG.dataset, 3);
      const data = stream("search", listed, { crops, scale, batch: 4, warn: (text) => warnings.push(text) });
      const lists = await topActivationsOn(model, () => Promise.resolve(data), { layer: "conv3", k: 20 });
      assert.match(warnings.join(), /^Skipped: .*b\/0.JPEG/);
      const examples = await openPixels({ config: CONFIG.dataset, directory: folder.directory }, "test");
      assert.is(examples.path(1), `${folder.directory}/val/b/0.JPEG`);
      for (const [unit, list] of lists.entries()) {
        assert.equal(list.map(({ example }) => example).sort(), [0, 2, 3, 4, 5, 6, 7, 8]);
        assert.ok(list.every(({ activation }, i) => i === 0 || activation <= list[i - 1]!.activation));
        const { example, activation } = list[0]!;
        const image = await preprocess(model, await examples.read(example));
        const [explained] = await explain(model, image, { layer: "conv3", unit, rule: "guided" });
        assert.ok(Math.abs(explained!.activation - activation) < 1e-5 * (1 + Math.abs(activation)));
      }
    });
  } finally {
    folder.remove();
  }
});

test("no picture that can be read: one line says so", async () => {
  const folder = await colors(1, 1);
  try {
    for (const name of ["a", "b", "c"]) folder.write(`val/${name}/0.JPEG`, new Uint8Array(50));
    await withModel(async (model) => {
      const listed = await listImageFolder(folder.directory, "val"), crops = CONFIG.dataset.imageFolder!;
      const data = stream("search", listed, {
        crops,
        scale: channelScale(CONFIG.dataset, 3),
        batch: 4,
        warn: () => {},
      });
      const error = await topActivationsOn(model, () => Promise.resolve(data), { layer: "conv1", k: 2 }).catch((e) =>
        e
      );
      assert.instance(error, UserError);
      assert.match(error.message, /None of the 3 images/);
    });
  } finally {
    folder.remove();
  }
});

test.run();
