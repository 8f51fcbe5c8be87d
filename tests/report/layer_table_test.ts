import { test } from "uvu";
import * as assert from "uvu/assert";
import { type LayerRow, layerTable } from "../../report/layer_table.ts";

test("layers within layers are indented, and counted once", () => {
  const row = (name: string, parameters: number, layers: readonly LayerRow[] = []): LayerRow => ({
    name,
    what: "",
    output: [4, 4, 8],
    parameters,
    multiplications: 10 * parameters,
    field: { height: 3, width: 5, stride: 1 },
    layers,
  });
  const block = row("block", 1200, [row("block/conv1", 1000), row("block/inner", 200, [row("block/inner/a", 200)])]);
  const lines = layerTable([4, 4, 3], [block, row("conv2", 0)]).split("\n");
  assert.equal(lines.map((line) => line.match(/^ *\S+/)![0]), [
    "layer",
    "input",
    "block",
    "  conv1",
    "  inner",
    "    a",
    "conv2",
    "sum",
  ]);
  assert.match(lines[2]!, /4x4x8 +1,200 +12,000 +3x5 +1$/);
  assert.match(lines[6]!, / - +- +3x5 +1$/);
  assert.match(lines[7]!, /^sum +1,200 +12,000$/);
});

test.run();
