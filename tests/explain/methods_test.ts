/** Ways to explain beyond the rules: against float64, by the sums that they promise, and on cases computed by hand. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { normals } from "../../core/graph/random.ts";
import { explain, type Explanation } from "../../explain/explain.ts";
import { onPixels } from "../../explain/class_map.ts";
import { maximize } from "../../explain/maximize.ts";
import { explainBy, METHODS } from "../../explain/methods.ts";
import { starts } from "../../explain/occlusion.ts";
import type { Config } from "../../configs/schema.ts";
import { relativeError } from "../_gpu.ts";
import type { Numbers } from "../_reference.ts";
import { forward, type Named, type Pass, signalBack } from "../_reference_network.ts";
import { CONFIG, images, OTHER, SIZE, withModel } from "./_network.ts";

const IMAGE = 12 * 12 * 3, COUNT = 2;
const input = Float32Array.from(images.slice(0, COUNT * IMAGE));
const imageOf = (n: number) => images.slice(n * IMAGE, (n + 1) * IMAGE).map(Math.fround);
/** Maps of 6x6 right before the average. */
const WIDE: Config = { ...CONFIG, network: CONFIG.network.slice(1, 3).concat(CONFIG.network.slice(-1)) };
const GRADIENT = { rule: "gradient", switches: true } as const;

/** The network in float64: its passes on an image, and the unit that an explanation names in them. */
function reference(config: Config, params: Named, layer: string, { unit, position: [y, x] }: Explanation) {
  const passesOf = (image: Numbers): readonly Pass[] =>
    forward(config.network, params, { x: image, batch: 1, size: SIZE }, null);
  const outputOf = (passes: readonly Pass[]) => passes.find(({ name }) => name === layer)!;
  const indexIn = ({ size }: Pass) => (y * size.width + x) * size.channels + unit;
  return {
    passesOf,
    activation: (image: Numbers) => {
      const output = outputOf(passesOf(image));
      return output.y[indexIn(output)]!;
    },
    gradient: (image: Numbers) => {
      const passes = passesOf(image), output = outputOf(passes), dy = new Float64Array(output.y.length);
      dy[indexIn(output)] = 1;
      return signalBack(passes, layer, dy, GRADIENT);
    },
  };
}

type Reference = ReturnType<typeof reference>;

/** The mean gradient at `count` images, the k-th of which `at` makes. */
function meanGradient({ gradient }: Reference, count: number, at: (k: number) => Numbers): Numbers {
  const mean = new Float64Array(IMAGE);
  for (let k = 0; k < count; k++) gradient(at(k)).forEach((value, i) => mean[i]! += value / count);
  return mean;
}

/** What each method should find in image `n`, in float64. */
const EXPECTED: Readonly<Record<string, (of: Reference, image: Numbers, n: number) => Numbers>> = {
  gradientTimesInput: (of, image) => of.gradient(image).map((value, i) => value * image[i]!),
  smoothGrad(of, image, n) {
    const deviation = 0.15 * (Math.max(...image) - Math.min(...image));
    return meanGradient(of, 16, (k) => {
      const noise = normals(COUNT * IMAGE, k, 0).slice(n * IMAGE);
      return image.map((value, i) => Math.fround(value + deviation * noise[i]!));
    });
  },
  integratedGradients: (of, image) =>
    meanGradient(of, 64, (k) => image.map((value) => Math.fround(value * (k + 0.5) / 64)))
      .map((value, i) => value * image[i]!),
  occlusion(of, image) {
    const losses = new Float64Array(IMAGE), covers = new Float64Array(IMAGE), whole = of.activation(image);
    for (const top of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]) {
      for (const left of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]) {
        const inside = (i: number) => {
          const x = Math.floor(i / 3) % 12, y = Math.floor(i / 36);
          return y >= top && y < top + 3 && x >= left && x < left + 3;
        };
        const loss = whole - of.activation(image.map((value, i) => inside(i) ? 0 : value));
        for (let i = 0; i < IMAGE; i++) if (inside(i)) (losses[i]! += loss), covers[i]!++;
      }
    }
    return losses.map((loss, i) => loss / covers[i]!);
  },
};

for (const [key, expected] of Object.entries(EXPECTED)) {
  test(`${key} agrees with float64, from a unit inside and from a class`, async () => {
    await withModel(async (model, params) => {
      for (const layer of ["conv3", "globalAveragePool"]) {
        const found = await explainBy(model, input, key, { layer, unit: "top" });
        assert.is(found.length, COUNT);
        found.forEach((each, n) => {
          const of = reference(CONFIG, params, layer, each), image = imageOf(n);
          assert.ok(Math.abs(each.activation - of.activation(image)) < 1e-5 * Math.abs(each.activation));
          const error = relativeError(each.reconstruction, expected(of, image, n));
          assert.ok(error < 2e-4, `${layer}, image ${n}: ${error}`); // a ReLU near 0 may open in one of many copies
        });
      }
    });
  });
}

test("integrated gradients: contributions add up to the activation less that of zeros", async () => {
  await withModel(async (model, params) => {
    for (const layer of ["conv3", "globalAveragePool"]) {
      const found = await explainBy(model, input, "integratedGradients", { layer, unit: "top" });
      found.forEach((each, n) => {
        const { activation } = reference(CONFIG, params, layer, each);
        const sum = each.reconstruction.reduce((total, value) => total + value, 0);
        const difference = each.activation - activation(imageOf(0).fill(0));
        assert.ok(Math.abs(sum - difference) < 0.01 * Math.abs(difference), `${layer}, ${n}: ${sum}, ${difference}`);
      });
    }
  });
});

test("class maps: a unit's own map, the channel of a class before the average, else Grad-CAM", async () => {
  await withModel(async (model, params) => {
    for (const [layer, from] of [["conv2", "conv2"]] as const) {
      const found = await explainBy(model, input, "classMap", { layer, unit: "top" });
      found.forEach((each, n) => {
        const { passesOf } = reference(CONFIG, params, layer, each),
          pass = passesOf(imageOf(n)).find(({ name }) => name === from)!;
        const { height, width, channels } = pass.size;
        const values = Float32Array.from({ length: height * width }, (_, at) => pass.y[at * channels + each.unit]!);
        const error = relativeError(each.reconstruction, onPixels({ height, width, values }, [12, 12, 3]));
        assert.ok(error < 1e-5, `${layer}: ${error}`);
      });
    }
  });
  await withModel(async (model, params) => {
    const [found] = await explainBy(model, input.slice(0, IMAGE), "classMap", { layer: "globalAveragePool", unit: 2 });
    const { size, y } = reference(WIDE, params, "conv2", found!).passesOf(imageOf(0))[1]!;
    const values = Float32Array.from({ length: 36 }, (_, at) => y[at * size.channels + 2]!);
    assert.ok(relativeError(found!.reconstruction, onPixels({ ...size, values }, [12, 12, 3])) < 1e-5);
  }, WIDE);
  await withModel(async (model, params) => {
    const [found] = await explainBy(model, input.slice(0, IMAGE), "classMap", { layer: "dense2", unit: "top" });
    const passes = reference(OTHER, params, "dense2", found!).passesOf(imageOf(0));
    const at = passes.findIndex(({ name }) => name === "activation2"), { size, y } = passes[at]!;
    const dy = new Float64Array(10);
    dy[found!.unit] = 1;
    const gradients = signalBack(passes.slice(at + 1), "dense2", dy, GRADIENT);
    const positions = size.height * size.width, weights = new Float64Array(size.channels);
    gradients.forEach((value, i) => weights[i % size.channels]! += value / positions);
    const values = Float32Array.from(
      { length: positions },
      (_, place) => Math.max(0, weights.reduce((sum, weight, c) => sum + weight * y[place * size.channels + c]!, 0)),
    );
    const expected = onPixels({ ...size, values }, [12, 12, 3]);
    assert.ok(expected.some((value) => value > 0));
    assert.ok(relativeError(found!.reconstruction, expected) < 1e-5);
  }, OTHER);
});

test("maps are laid over pixels by the centres of their cells", () => {
  const map = { height: 1, width: 2, values: Float32Array.of(0, 4) };
  assert.equal([...onPixels(map, [1, 4, 1])], [0, 1, 3, 4]);
  assert.equal([...onPixels(map, [2, 2, 2])], [0, 0, 4, 4, 0, 0, 4, 4]);
  assert.equal(starts(12, 3), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.equal(starts(32, 8), [0, 4, 8, 12, 16, 20, 24]);
  assert.equal(starts(7, 4), [0, 2, 3]);
  assert.equal(starts(2, 1), [0, 1]);
});

test("activation maximization: the image excites its unit more than any of the others, and more with more steps", async () => {
  await withModel(async (model) => {
    const asked = { layer: "conv3", unit: 2 };
    const few = await maximize(model, { ...asked, steps: 4 }), many = await maximize(model, { ...asked, steps: 32 });
    assert.ok(many.activation > few.activation, `${few.activation}, ${many.activation}`);
    const again = await explain(model, many.reconstruction, { ...asked, rule: "gradient" });
    assert.is(again[0]!.activation, many.activation);
    const seen = await explain(model, input, { ...asked, rule: "gradient" });
    assert.ok(seen.every(({ activation }) => activation < many.activation));
    assert.equal(await maximize(model, { ...asked, steps: 4 }), few);
  });
});

test("what does not exist is one line", async () => {
  await withModel(async (model) => {
    const refused = async (run: Promise<unknown>, message: RegExp) => {
      await run.then(() => assert.unreachable(), (error) => assert.match(error.message, message));
    };
    const asked = { layer: "conv3", unit: 0 };
    await refused(
      explainBy(model, input, "occlusions", asked),
      /^Cannot explain by "occlusions": expected one of gradient, .*classMap, did you mean occlusion\?$/,
    );
    await refused(explainBy(model, input, "smoothGrad", { ...asked, unit: 99 }), /units 0 to 7, or top/);
    await refused(explainBy(model, input.slice(1), "occlusion", asked), /images to explain/);
    await refused(maximize(model, { ...asked, steps: 0 }), /^steps must be a whole number from 1 on, got 0$/);
    const [one] = await explain(model, input.slice(0, IMAGE), { ...asked, rule: "gradient" });
    const positions = [one!.position, one!.position, one!.position];
    await refused(
      explain(model, input, { ...asked, rule: "gradient", position: positions }),
      /^Cannot explain 2 images with 3 positions$/,
    );
  });
  assert.is(new Set(METHODS.map(({ key }) => key)).size, METHODS.length);
});

test.run();
