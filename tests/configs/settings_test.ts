import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseConfig } from "../../configs/load.ts";
import { failure, includes, TEXT } from "./_tiny.ts";

test("a setting changes, adds and replaces values, through the same schema", () => {
  const settings = ["training.batch=64", "network.1.conv.kernel=5", "training.learningRate.epochs=[3, 4]"];
  const added = ["dataset.augment={ pad: 5, flip: true }", "network.3=globalAveragePool", "name=a=b"];
  const { training, network, dataset } = parseConfig(TEXT, "tiny.yaml", [...settings, ...added.slice(0, 2)]);
  assert.is(training.batch, 64);
  assert.equal(training.learningRate, { base: 0.05, factor: 0.1, epochs: [3, 4] });
  assert.is((network[1] as { conv: { kernel: number } }).conv.kernel, 5);
  assert.equal(dataset.augment, { pad: 5, flip: true });
  includes(failure(TEXT, ["name=a=b"]), ["setting name=a=b", '"a=b"']); // only the first = separates
  assert.is(parseConfig(TEXT, "tiny.yaml", ["training.batch=64", "training.batch=32"]).training.batch, 32);
});

/** The setting, and what the message must hold besides the setting itself. */
const SETTINGS: [setting: string, parts: string[]][] = [
  ["training.batch=many", ["training.batch: ", "number", '"many"']],
  ["training.batch=0", ["training.batch: ", ">=1", "got 0"]],
  ["network=[]", ["network: ", ">=1", "got []"]],
  ["training.bacth=64", ["training.bacth: unknown key", "batch"]],
  ["training.foo.bar=64", ["training.foo", "unknown key", "batch"]],
  ["dataset.augment.pad=5", ["dataset.augment.flip: ", "missing"]],
  ["dataset={ name: cifar10, preproces: [] }", ["dataset.preproces: unknown key", "preprocess"]],
  ["network.1.conv.padding=full", ["network.1.conv.padding: ", "same", '"full"']],
  ["network.9.conv.kernel=1", ["network"]],
  ["training.batch.foo=1", ["training.batch.foo"]],
  ["network.first.conv.kernel=1", ["network.first.conv.kernel"]],
  ["training.batch", ["path=value"]],
  ["=3", ["path=value"]],
];
for (const [setting, parts] of SETTINGS) {
  test(`setting ${setting}: the message names the setting, not a line of the file`, () => {
    const message = failure(TEXT, [setting]);
    includes(message, [`setting ${setting}`, ...parts]);
    assert.not.match(message, /tiny\.yaml:\d/);
  });
}

test("a setting with a value that is no YAML says so, rather than that the path does not exist", () => {
  const message = failure(TEXT, ["training.batch=[1"]);
  includes(message, ["setting training.batch=[1"]);
  assert.not.match(message, "there is no");
});

test("an error of the file is not blamed on a setting elsewhere, as network.1 is no part of network.10", () => {
  const many = TEXT.replace(
    "  - globalAveragePool\n",
    "  - { dropout: { rate: 0.5 } }\n".repeat(7) + "  - { dropout: { rate: 7 } }\n",
  );
  const place = "tiny.yaml:14:18 network.10.dropout.rate: ";
  assert.is(failure(many, ["network.1=globalAveragePool"]).slice(0, place.length), place);
  assert.is(failure(many, ["training.batch=8"]).slice(0, place.length), place);
});

test("a key that the file lacks is not blamed on a setting beside it", () => {
  const place = "tiny.yaml:9:3 training.batch: ";
  assert.is(failure(TEXT.replace("  batch: 16\n", ""), ["training.epochs=3"]).slice(0, place.length), place);
});

test("an index far beyond a list that is not there yet makes no list of as many elements", () => {
  const without = TEXT.slice(0, TEXT.indexOf("network:")); // nor has it a training
  includes(failure(without, ["network.999999999=globalAveragePool"]), ["network.999999999", "there is no"]);
});

test("an alias means the last anchor of its name before it, and never one after it", () => {
  const layers = (lines: string) => TEXT.replace("  - globalAveragePool\n", `${lines}  - globalAveragePool\n`);
  const config = parseConfig(
    layers(
      "  - { dropout: &a { rate: 0.1 } }\n  - { dropout: *a }\n  - { dropout: &a { rate: 0.2 } }\n  - { dropout: *a }\n" +
        "  - { dropout: { rate: 0.3 } }\n  - { dropout: { <<: *a, rate: 0.4 } }\n",
    ),
    "tiny.yaml",
  );
  const rates = config.network.flatMap((layer) =>
    typeof layer === "object" && "dropout" in layer ? [(layer["dropout"] as { rate: number }).rate] : []
  );
  assert.equal(rates.slice(-6), [0.1, 0.1, 0.2, 0.2, 0.3, 0.4]);
  includes(failure(layers("  - { dropout: *b }\n  - { dropout: &b { rate: 0.1 } }\n"), []), ["no anchor &b before it"]);
});

test.run();
