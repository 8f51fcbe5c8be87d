/** A slice of `npm run test:fuzz`; what ends or hangs the process ends the tests. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { inFolder } from "../cli/_run.ts";
import { runCase } from "./_cases.ts";
import { originals } from "./_originals.ts";

test("300 damaged configs, checkpoints and data files are each one clear line, or read as if nothing were wrong", () =>
  inFolder(async (folder) => {
    const from = await originals(folder, () => Promise.resolve()), counts = { refused: 0, read: 0, failed: 0 };
    for (let number = 0; number < 300; number++) {
      const { subject, how, outcome, message } = await runCase(1, number, from, () => {});
      counts[outcome]++;
      assert.is.not(outcome, "failed", `case ${number}, ${subject}, ${how}: ${message}`);
    }
    assert.ok(counts.refused > 150 && counts.read > 30, JSON.stringify(counts));
  }));

test.run();
