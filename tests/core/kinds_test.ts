import { test } from "uvu";
import * as assert from "uvu/assert";
import { UserError } from "../../core/host/errors.ts";
import { kindList } from "../../core/kinds/kinds.ts";
import { nearest } from "../../core/kinds/nearest.ts";

const record = (key: string) => ({ key, build: () => key, schema: {} });
const contract = { build: "function", schema: "object" } as const;
const layers = kindList("layer", ["conv", "dropout", "maxPool", "averagePool"].map(record), contract);

test("a list finds its records, and keeps their order", () => {
  assert.equal(layers.keys, ["conv", "dropout", "maxPool", "averagePool"]);
  assert.equal(Array.from(layers, ({ key }) => key), layers.keys);
  assert.is(layers.get("maxPool").build(), "maxPool");
});

test("an unknown key is answered by the nearest spelling and by what there is", () => {
  const messageOf = (key: string) => {
    try {
      return String(layers.get(key).key);
    } catch (error) {
      assert.instance(error, UserError);
      return (error as Error).message;
    }
  };
  assert.is(
    messageOf("conf"),
    'Unknown layer "conf", did you mean conv? There are conv, dropout, maxPool, averagePool',
  );
  assert.is(messageOf("lstm"), 'Unknown layer "lstm", there are conv, dropout, maxPool, averagePool');
  assert.is(messageOf("constructor").includes("did you mean"), false);
});

test("the nearest spelling: letters missing, added, changed, swapped, of another case; else none", () => {
  const known = ["momentum", "weightDecay", "rate", "kernel"];
  const found = ["momentun", "momentm", "weigthDecay", "weightdecay", "rates", "kernle", "x", "", "a".repeat(9999)];
  assert.equal(found.map((each) => nearest(each, known)), [
    ...["momentum", "momentum", "weightDecay", "weightDecay", "rate", "kernel"],
    ...[null, null, null],
  ]);
  assert.is(nearest("conv", []), null);
});

test("a record that breaks its contract fails when the list is made, and is named", () => {
  const wrong: [() => unknown, RegExp][] = [
    [() => kindList("layer", [record("conv"), record("conv")]), /Two kinds of layer have the key "conv"/],
    [
      () => kindList("layer", [{ key: "pool", schema: {} }], contract),
      /The layer "pool" breaks its contract: its build is undefined, expected function/,
    ],
    [
      () => kindList("loss", [{ key: "mse", build: () => 0, schema: null }], contract),
      /The loss "mse" breaks its contract: its schema is null, expected object/,
    ],
    [() => kindList("loss", [record("a b")]), /A kind of loss has the key "a b", which is no name/],
    [() => kindList("loss", [{} as { key: string }]), /A kind of loss has the key undefined/],
  ];
  for (const [make, message] of wrong) {
    assert.throws(make, (error: Error) => !(error instanceof UserError) && message.test(error.message));
  }
});

test.run();
