/** Networks as plain data and as trees: names, paths, blocks in blocks, and from layers back to data. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import * as z from "zod";
import { parseConfig } from "../../configs/load.ts";
import { pooledLayers, pooledPath, poolStrides } from "../../configs/pool_strides.ts";
import { layersOf } from "../../configs/width.ts";
import { UserError } from "../../core/host/errors.ts";
import { streamOf } from "../../core/graph/random.ts";
import { isStrided } from "../../explain/pool_model.ts";
import { layerNames } from "../../explain/layer_of.ts";
import { conv } from "../../layers/conv.ts";
import { dropout } from "../../layers/dropout.ts";
import { globalAveragePool } from "../../layers/global_average_pool.ts";
import { defineLayer, describeLayer, type LayerConfig, type LayerKind } from "../../layers/layer_kind.ts";
import { maxPool } from "../../layers/max_pool.ts";
import { buildNetwork, entriesOf, namesOf, networkSchema } from "../../layers/network_config.ts";
import { sequential } from "../../layers/sequential.ts";
import { layerTree, leavesOf } from "../../layers/tree.ts";
import { described, labels, trace } from "../_trace.ts";
import { TEXT } from "../configs/_tiny.ts";

const block = (name: string, channels: number): LayerConfig => ({
  sequential: {
    name,
    layers: [{ conv: { name: "conv1", channels, kernel: 3, stride: 2, padding: "same" } }, { dropout: { rate: 0.5 } }],
  },
});
const WRITTEN = networkSchema.parse([
  block("block1", 8),
  { sequential: { name: "outer", layers: [block("block2", 8), { maxPool: { kernel: 2, stride: 2 } }] } },
  { dropout: { rate: 0.5 } },
  { conv: { name: "last", channels: 3, kernel: 1 } },
  "globalAveragePool",
]);
const PATHS = [
  ...["block1/conv1", "block1/dropout1", "block1"],
  ...["outer/block2/conv1", "outer/block2/dropout1", "outer/block2", "outer/pool1", "outer"],
  ...["dropout1", "last", "globalAveragePool"],
];

test("names are paths, of layers, parameters, labels and streams: blocks with layers of one name draw different masks", () => {
  const network = buildNetwork("net", WRITTEN), { ops, specs } = trace(network);
  assert.equal(layerNames(network), PATHS);
  assert.equal(Object.keys(specs).filter((name) => name.endsWith("/w")), [
    "block1/conv1/w",
    "outer/block2/conv1/w",
    "last/w",
  ]);
  const drops = ops.filter(({ kernel, label }) => kernel.name === "dropout" && label.endsWith("/forward"));
  assert.equal(labels(drops), ["block1/dropout1/forward", "outer/block2/dropout1/forward", "dropout1/forward"]);
  const streams = drops.map(({ problem }) => (problem as { stream: number }).stream);
  assert.equal(streams, ["block1/dropout1", "outer/block2/dropout1", "dropout1"].map(streamOf));
});

test("the tree of a network has each layer with its path and the shapes around it", () => {
  const tree = layerTree(buildNetwork("net", WRITTEN), [2, 16, 16, 3]);
  const flat = ({ path, input, output, inner }: typeof tree): unknown[] => [
    ...inner.flatMap(flat),
    `${path} ${input.slice(1).join("x")} ${output.slice(1).join("x")}`,
  ];
  const lines = flat(tree);
  assert.equal(lines.slice(3, 8), [
    "outer/block2/conv1 8x8x8 4x4x8",
    "outer/block2/dropout1 4x4x8 4x4x8",
    "outer/block2 8x8x8 4x4x8",
    "outer/pool1 4x4x8 2x2x8",
    "outer 8x8x8 2x2x8",
  ]);
  assert.is(lines.at(-1), " 16x16x3 1x1x3");
  assert.equal(leavesOf(tree.layer).map(describeLayer).slice(0, 4), [
    "3x3 convolution, stride 2",
    "dropout 0.5, in training only",
    "3x3 convolution, stride 2",
    "dropout 0.5, in training only",
  ]);
});

test("a network built in code is the same as that of its config, and becomes its config again", () => {
  const options = { kernel: 3, stride: 2, padding: "same" } as const;
  const inside = () => [conv("conv1", { channels: 8, ...options }), dropout("dropout1", { rate: 0.5 })];
  const coded = sequential("net", [
    sequential("block1", inside()),
    sequential("outer", [sequential("block2", inside()), maxPool("pool1", { kernel: 2, stride: 2 })]),
    dropout("dropout1", { rate: 0.5 }),
    conv("last", { channels: 3, kernel: 1 }),
    globalAveragePool("globalAveragePool"),
  ]);
  const of = (network: typeof coded) => described(trace(network).ops);
  assert.is(of(coded), of(buildNetwork("net", WRITTEN)));
  assert.equal(entriesOf(coded), WRITTEN);
  assert.is(of(buildNetwork("net", entriesOf(coded)!)), of(coded));
});

test("layers without names are numbered within what holds them; given names are left out of that", () => {
  const drop = (name?: string) => ({ dropout: name === undefined ? { rate: 0 } : { name, rate: 0 } });
  assert.equal(namesOf([drop(), drop(), "globalAveragePool", "globalAveragePool"]), [
    ...["dropout1", "dropout2", "globalAveragePool", "globalAveragePool2"],
  ]);
  assert.equal(namesOf([drop("dropout2"), drop(), drop("a"), drop()]), ["dropout2", "dropout3", "a", "dropout5"]);
  const layers = [dropout("x", { rate: 0 }), dropout("dropout2", { rate: 0 }), dropout("dropout1", { rate: 0 })];
  const entries = entriesOf(sequential("net", layers))!;
  assert.equal(namesOf(entries), ["x", "dropout2", "dropout1"]);
  assert.equal(entries[1], drop(), "it has this name anyway");
});

test("a layer of one's own, or of a kind that no config knows, is no data", () => {
  assert.is(entriesOf(sequential("net", [{ ...conv("c", { channels: 1, kernel: 1 }), made: undefined! }])), null);
  const own = defineLayer({ ...conv.kind, key: "conv" } as LayerKind<object, object>);
  assert.is(entriesOf(sequential("net", [own("c", { channels: 1, kernel: 1 })])), null);
});

test("poolStrides reaches into blocks, and says what stands for each layer", () => {
  const pooled = pooledLayers(WRITTEN), network = buildNetwork("net", pooled);
  assert.not.ok(leavesOf(network).some(isStrided));
  assert.equal(
    network.init([1, 16, 16, 3]),
    buildNetwork("net", WRITTEN).init([1, 16, 16, 3]),
  );
  const stands = (path: string) => pooledPath(WRITTEN, path.split("/")).join("/");
  assert.equal(["block1/conv1", "outer/block2/conv1", "outer/pool1", "outer", "last"].map(stands), [
    ...["block1/pool1", "outer/block2/pool1", "outer/pool1", "outer", "last"],
  ]);
  const config = parseConfig(TEXT, "tiny.yaml");
  assert.equal(poolStrides({ ...config, network: WRITTEN }).network, pooled);
});

test("width reaches into blocks, and leaves the last convolution of all as it is", () => {
  const wide = buildNetwork("net", layersOf({ network: WRITTEN, width: 2 })).init([1, 16, 16, 3]);
  assert.equal(wide.params["outer/block2/conv1/w"]!.shape, [3, 3, 16, 16]);
  assert.equal(wide.params["last/w"]!.shape, [1, 1, 16, 3]);
});

test("what is wrong with entries or options is named, in code too", () => {
  const message = (body: () => unknown) => {
    try {
      return String(body());
    } catch (error) {
      assert.instance(error, UserError);
      return (error as Error).message;
    }
  };
  assert.match(
    message(() => buildNetwork("net", [{ conf: {} }])),
    /Unknown layer "conf", did you mean conv\? There are/,
  );
  assert.match(message(() => buildNetwork("net", [{ conv: { channels: 1, kernel: 1 } }])), /conv without a name/);
  assert.match(message(() => conv("a/b", { channels: 1, kernel: 1 })), /Cannot build conv "a\/b": .*no "\/"/);
  assert.match(
    message(() => maxPool("pool", { kernal: 1, stride: 1 } as never)),
    /Cannot build maxPool "pool": kernal: unknown key, did you mean kernel\? Allowed here: kernel, stride/,
  );
});

test("a record that breaks its contract is named when the program starts, or when it builds nothing that works", () => {
  const record = { ...dropout.kind, key: "mine" } as LayerKind<object, object>;
  assert.throws(() => defineLayer({ ...record, schema: z.number() as never }), /The layer "mine" breaks its contract/);
  assert.throws(
    () => defineLayer({ ...record, schema: z.object({ name: z.string() }) }),
    /schema is no object without/,
  );
  const empty = defineLayer({ ...record, build: () => ({}) as never });
  assert.throws(() => empty("m", { rate: 0 }), /The layer "mine" breaks its contract: what it builds has no init/);
});

test("a layer called as in 0.1, with its name among the options, is the same layer", () => {
  const old = (conv as unknown as (options: object) => ReturnType<typeof conv>)({ name: "c", channels: 3, kernel: 1 });
  assert.equal([old.name, describeLayer(old)], ["c", describeLayer(conv("c", { channels: 3, kernel: 1 }))]);
});

test.run();
