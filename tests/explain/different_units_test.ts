import { test } from "uvu";
import * as assert from "uvu/assert";
import { differentUnits } from "../../explain/different_units.ts";
import type { TopActivation } from "../../explain/top_activations.ts";

const FIELD = { top: 0, left: 0, height: 5, width: 5, stride: 2 } as const;
const at = (example: number, y: number, x: number, activation: number): TopActivation => ({
  ...{ example, position: [y, x], activation },
});

test("units with half of their patches in common are passed over, until there are no others", () => {
  const lists = [
    [at(0, 0, 0, 9), at(1, 4, 4, 8)],
    [at(0, 1, 1, 7), at(2, 4, 4, 6)], // its first patch is 2 pixels beside that of unit 0
    [at(0, 2, 0, 5), at(3, 4, 4, 4)], // 4 pixels below: less than half of 5 is shared
    [at(4, 0, 0, 6), at(5, 0, 0, 1)],
    [],
  ];
  assert.equal(differentUnits(lists, FIELD, 3), [0, 3, 2]);
  assert.equal(differentUnits(lists, FIELD, 4), [0, 1, 3, 2]); // the last has seen nothing
  assert.equal(differentUnits(lists, FIELD, 5), [0, 1, 3, 2, 4]);
});

test.run();
