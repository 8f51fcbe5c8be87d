/** Signals from a unit back to the pixels: against float64, against finite differences, and what is refused. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { RULES } from "../../core/graph/layer.ts";
import { poolStrides } from "../../configs/pool_strides.ts";
import { explain, type Explanation } from "../../explain/explain.ts";
import { upTo } from "../../explain/layer_of.ts";
import { pooledLayer, poolModel } from "../../explain/pool_model.ts";
import type { LayerConfig } from "../../layers/layer_kind.ts";
import { closeModel, type Model } from "../../training/model.ts";
import { predictLogits } from "../../training/predict.ts";
import { relativeError } from "../_gpu.ts";
import type { Numbers } from "../_reference.ts";
import { forward, type Named, type Pass, signalBack } from "../_reference_network.ts";
import { CONFIG, IMAGES, images, OTHER, SIZE, withModel } from "./_network.ts";

const IMAGE = 12 * 12 * 3;
const input = Float32Array.from(images);
const imageOf = (n: number) => images.slice(n * IMAGE, (n + 1) * IMAGE);

const passesOf = (network: readonly LayerConfig[], params: Named, x: Numbers) =>
  forward(network, params, { x, batch: 1, size: SIZE }, null);

/** The output of a layer, and the index in it that an explanation names. */
function unitOf(passes: readonly Pass[], layer: string, { unit, position: [y, x] }: Explanation) {
  const { y: output, size } = passes.find(({ name }) => name === layer)!;
  return { output, index: (y * size.width + x) * size.channels + unit };
}

/** The signal in float64 from the unit that an explanation names. */
function expectedSignal(
  passes: readonly Pass[],
  layer: string,
  found: Explanation,
  how: { readonly rule: (typeof RULES)[number]; readonly switches: boolean },
): Numbers {
  const { output, index } = unitOf(passes, layer, found), dy = new Float64Array(output.length);
  dy[index] = 1;
  return signalBack(passes, layer, dy, how);
}

const NETWORKS = [
  ["a whole network", CONFIG, ["conv1", "conv2", "pool1", "conv3", "conv4", "globalAveragePool"]],
  ["one with other layers", OTHER, [
    "activation1",
    "pool1",
    "averagePool1",
    "conv2",
    "activation2",
    "dense1",
    "dense2",
  ]],
] as const;

for (const [what, config, layers] of NETWORKS) {
  test(`each rule, with and without switches, from every layer: agrees with float64 on ${what}`, async () => {
    await withModel(async (model, params) => {
      const references = Array.from({ length: IMAGES }, (_, n) => passesOf(config.network, params, imageOf(n)));
      for (const layer of layers) {
        for (const rule of RULES) {
          for (const switches of [true, false]) {
            const found = await explain(model, input, { layer, unit: "top", rule, switches });
            assert.is(found.length, IMAGES);
            found.forEach((each, n) => {
              const passes = references[n]!;
              const { output, index } = unitOf(passes, layer, each), largest = Math.max(...output);
              assert.ok(
                Math.abs(each.activation - largest) < 1e-5 * largest,
                `${layer}: ${each.activation}, ${largest}`,
              );
              assert.ok(output[index]! > largest * (1 - 1e-5), "the unit is the most active one");
              const expected = expectedSignal(passes, layer, each, { rule, switches });
              const error = relativeError(each.reconstruction, expected);
              assert.ok(error < 1e-5, `${layer} ${rule} switches ${switches} image ${n}: ${error}`);
            });
          }
        }
      }
    }, config);
  });
}

test("strides as max pooling: the same parameters, shapes and rules, agreeing with float64", async () => {
  await withModel(async (model, params) => {
    const pooled = poolModel(model), { network } = poolStrides(CONFIG);
    for (const rule of RULES) {
      const [found] = await explain(pooled, input.subarray(0, IMAGE), { layer: "globalAveragePool", unit: 3, rule });
      const passes = passesOf(network, params, imageOf(0));
      const expected = expectedSignal(passes, "globalAveragePool", found!, { rule, switches: true });
      const error = relativeError(found!.reconstruction, expected);
      assert.ok(error < 1e-5, `${rule}: ${error}`);
    }
  });
});

test("strides as max pooling: every layer is found again, behind the pooling that took a stride's place", async () => {
  await withModel(async (model, params) => {
    const pooled = poolModel(model), { network } = poolStrides(CONFIG);
    const names = {
      conv1: "conv1",
      conv2: "pool1",
      pool1: "pool2",
      conv3: "conv3",
      globalAveragePool: "globalAveragePool",
    };
    for (const [name, expected] of Object.entries(names)) {
      const layer = pooledLayer(model, name);
      assert.is(layer, expected);
      assert.equal(
        upTo(pooled.network, layer).init([1, ...model.input]),
        upTo(model.network, name).init([1, ...model.input]),
      );
      const options = { unit: "top", rule: "guided" } as const;
      const [found] = await explain(pooled, input.subarray(0, IMAGE), { ...options, layer });
      const signal = expectedSignal(passesOf(network, params, imageOf(0)), layer, found!, {
        ...options,
        switches: true,
      });
      assert.ok(relativeError(found!.reconstruction, signal) < 1e-5, name);
    }
    assert.throws(() => pooledLayer(model, "conv9"), /did you mean conv1\? It has dropout1, conv1/);
  });
});

test("a pooled model predicts beside the original, whose closing frees what both compiled", async () => {
  await withModel(async (model) => {
    const pooled = poolModel(model), one = input.subarray(0, IMAGE);
    const own = await predictLogits(model, one), other = await predictLogits(pooled, one);
    assert.not.equal(own, other);
    assert.equal(await predictLogits(model, one), own);
    assert.is(model.queues.size, 2);
    closeModel(model);
    assert.is(pooled.queues.size, 0);
  });
});

test("gradient: the derivative of a class score by the pixels, by finite differences", async () => {
  await withModel(async (model, params) => {
    const options = { layer: "globalAveragePool", unit: 7, rule: "gradient" } as const;
    const [found] = await explain(model, input.subarray(0, IMAGE), options);
    const score = (x: Numbers) => passesOf(CONFIG.network, params, x).at(-1)!.y[7]!;
    const h = 1e-6, pixels = Array.from({ length: 48 }, (_, i) => 9 * i + i % 3); // all rows, all channels
    const differences = pixels.map((pixel) => {
      const shifted = (by: number) => imageOf(0).map((value, i) => i === pixel ? value + by : value);
      return (score(shifted(h)) - score(shifted(-h))) / (2 * h);
    });
    assert.ok(Math.hypot(...differences) > 0.01);
    assert.ok(relativeError(pixels.map((pixel) => found!.reconstruction[pixel]!), differences) < 1e-5);
  });
});

test("a unit and a position can be given, for all images or a unit for each", async () => {
  await withModel(async (model, params) => {
    const position = [3, 5] as const;
    const found = await explain(model, input, { layer: "conv2", unit: [1, "top", 4], position, rule: "guided" });
    assert.equal([found[0]!.unit, found[2]!.unit], [1, 4]);
    found.forEach((each, n) => {
      assert.equal(each.position, position);
      const { output, index } = unitOf(passesOf(CONFIG.network, params, imageOf(n)), "conv2", each);
      assert.ok(Math.abs(each.activation - output[index]!) < 1e-5);
      assert.ok(n !== 1 || index === output.indexOf(Math.max(...output.slice((3 * 6 + 5) * 7).slice(0, 7))));
    });
  });
});

test("more images than a batch, and none: as many results as images, the same as one by one", async () => {
  await withModel(async (model) => {
    const options = { layer: "conv3", unit: 2, rule: "guided" } as const;
    const many = Float32Array.from({ length: 5 * IMAGE }, (_, i) => images[i % images.length]!);
    const found = await explain(model, many, options); // batches of 4
    const [single] = await explain(model, many.subarray(4 * IMAGE), options);
    assert.is(found.length, 5);
    assert.ok(relativeError(found[4]!.reconstruction, single!.reconstruction) < 1e-6);
    assert.equal(found[4]!.position, found[1]!.position);
    assert.equal(await explain(model, new Float32Array(), options), []);
  });
});

test("the deconvnet without switches needs no image: of every image, and of none, it is the same", async () => {
  await withModel(async (model) => {
    const options = { layer: "conv3", unit: 5, position: [0, 0], rule: "deconvnet" } as const;
    const signals = async (switches: boolean) =>
      (await explain(model, Float32Array.of(...input, ...new Float32Array(IMAGE)), { ...options, switches }))
        .map(({ reconstruction }) => reconstruction);
    const [first, ...others] = await signals(false);
    assert.ok(first!.some((value) => value !== 0));
    for (const other of others) assert.equal(other, first);
    assert.not.equal(...await signals(true).then(([a, b]) => [a, b] as const));
  });
});

async function refused(model: Model, options: object, message: RegExp): Promise<void> {
  const given = { layer: "conv1", unit: 0, rule: "guided", ...options } as Parameters<typeof explain>[2];
  await explain(model, input, given).then(() => assert.unreachable(`${message} was not thrown`), (error: Error) => {
    assert.is(error.name, "UserError");
    assert.match(error.message, message);
  });
}

test("an unknown layer, unit, position or rule, and images of another size, say what there is", async () => {
  await withModel(async (model) => {
    const layers = "dropout1, conv1, conv2, pool1, conv3, conv4, globalAveragePool";
    await refused(
      model,
      { layer: "conv9" },
      new RegExp(`layer "conv9" of network "explained", did you mean conv1\\? It has ${layers}`),
    );
    await refused(model, { unit: 6 }, /unit 6 of layer "conv1": it has units 0 to 5, or top/);
    await refused(model, { unit: 1.5 }, /unit 1.5 of layer "conv1"/);
    await refused(model, { unit: [0, 1] }, /3 images with 2 units/);
    await refused(model, { position: [12, 0] }, /position \[12, 0\] of layer "conv1": its output is 12x12/);
    await refused(model, { rule: "saliency" }, /rule "saliency": expected gradient, deconvnet, guided/);
    await explain(model, input.subarray(1), { layer: "conv1", unit: 0, rule: "guided" }).then(
      () => assert.unreachable(),
      (error: Error) => assert.match(error.message, /no whole number of images/),
    );
  });
});

test.run();
