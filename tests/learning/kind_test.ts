import { test } from "uvu";
import * as assert from "uvu/assert";
import * as z from "zod";
import { parseConfig } from "../../configs/load.ts";
import { choiceOf, type LearningKind } from "../../learning/kind.ts";
import { losses } from "../../learning/losses/mod.ts";
import { failure, TEXT } from "../configs/_tiny.ts";

interface Options {
  readonly size: number;
}
const double: LearningKind<"double", number, Options, { readonly size?: number | undefined }> = {
  key: "double",
  schema: z.strictObject({ size: z.number().default(4) }),
  build: ({ size }) => 2 * size,
};
const half: LearningKind<"half", number, Options> = {
  key: "half",
  schema: z.strictObject({ size: z.number() }),
  build: ({ size }) => size / 2,
};

test("a choice checks the options of the one kind that is named, fills in its defaults and builds it", () => {
  const { schema, build } = choiceOf("share", [double, half]);
  assert.equal(schema.parse({ double: {} }), { double: { size: 4 } });
  assert.equal([build(schema.parse({ double: {} })), build(schema.parse({ half: { size: 4 } }))], [8, 2]);
  for (
    const wrong of [{}, { half: {} }, { half: { size: 4 }, double: {} }, { halb: { size: 4 } }, [half], "half", null]
  ) {
    assert.not(schema.safeParse(wrong).success, JSON.stringify(wrong));
  }
});

test("two kinds of one key, or one that cannot build, fail when the list is made", () => {
  assert.throws(
    () => choiceOf("share", [double, { ...half, key: "double" }]),
    /Two kinds of share have the key "double"/,
  );
  const { build: _, ...rest } = half;
  assert.throws(
    () => choiceOf("share", [rest as typeof half]),
    /The share "half" breaks its contract: its build is undef/,
  );
});

const WRONG: readonly (readonly [what: string, from: string, to: string, message: RegExp])[] = [
  ["optimizer", "sgd", "sdg", /^tiny.yaml:11:16 training.optimizer.sdg: unknown key.* sgd, adam, adamw$/],
  [
    "option",
    "momentum",
    "momentun",
    /^tiny.yaml:11:23 training.optimizer.sgd.momentun: unknown key.* momentum, weightD/,
  ],
  ["no optimizer", "sgd: { momentum: 0.9, weightDecay: 0.001 }", "", /^tiny.yaml:11:3 training.optimizer: .*one.* sgd/],
  [
    "schedule",
    "factor: 0.1",
    "cosin: {}",
    /training.learningRate.cosin: unknown key.* base, factor, .* cosine, oneCycle, warmup$/,
  ],
  ["init", "heNormal", "heNorm", /^tiny.yaml:13:11 training.init.heNorm: unknown key.* heNormal, glorotNormal$/],
  ["two", "heNormal: {}", "heNormal: {}, glorotNormal: {}", /^tiny.yaml:13:3 training.init: expected one/],
  [
    "loss",
    "  batch: 16",
    "  batch: 16\n  loss: { mse: {} }",
    /training.loss.mse: unknown key.* softmaxCrossEntropy, sigmoidCrossEntropy, meanSquaredError$/,
  ],
];
for (const [what, from, to, message] of WRONG) {
  test(`a config that names a wrong ${what}: one line says what there is`, () => {
    assert.ok(TEXT.includes(from));
    assert.match(failure(TEXT.replace(from, to)), message);
  });
}

test("a config may name its loss, and need not", () => {
  assert.is(parseConfig(TEXT, "tiny.yaml").training.loss, undefined);
  const { loss } = parseConfig(TEXT, "tiny.yaml", ["training.loss={ softmaxCrossEntropy: {} }"]).training;
  assert.equal(losses.build(loss!).target([16, 10]), { shape: [16], dtype: "u32" });
});

test.run();
