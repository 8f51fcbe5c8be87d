import { test } from "uvu";
import * as assert from "uvu/assert";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TEXT } from "../configs/_tiny.ts";
import { allcnn, inFolder } from "./_run.ts";

interface Figures {
  readonly stepSeconds: number;
  readonly passSeconds: number;
  readonly peaks: { readonly flopsPerSecond: number; readonly bytesPerSecond: number };
  readonly ops: readonly {
    readonly label: string;
    readonly seconds: number;
    readonly floorSeconds: number;
    readonly dispatches: readonly { readonly name: string; readonly seconds: number }[];
  }[];
}

test("bench --profile prints every op, and --trace and --json agree with it", async () => {
  await inFolder(async (folder) => {
    const config = join(folder, "tiny.yaml"), json = join(folder, "bench.json"), trace = join(folder, "trace.json");
    writeFileSync(config, TEXT);
    const { code, stdout, stderr } = await allcnn(
      ["bench", config, "--batch=2", "--steps=1", "--profile", `--trace=${trace}`, `--json=${json}`],
    );
    assert.is(code, 0, stderr);
    const { ops, peaks, passSeconds, stepSeconds } = JSON.parse(readFileSync(json, "utf8")) as Figures;
    assert.ok(peaks.flopsPerSecond > 0 && peaks.bytesPerSecond > 0 && passSeconds > 0 && stepSeconds > 0);
    assert.ok(ops.some(({ label, dispatches }) => label === "conv1/forward" && dispatches.length === 1));
    assert.ok(ops.some(({ label, dispatches }) => label === "conv1/dw" && dispatches.length > 1));
    for (const { label, seconds, floorSeconds, dispatches } of ops) {
      assert.ok(seconds > 0 && floorSeconds > 0, label);
      assert.ok(Math.abs(dispatches.reduce((sum, each) => sum + each.seconds, 0) - seconds) < 1e-9, label);
      assert.match(stdout, new RegExp(`^${label} +${(1000 * seconds).toFixed(3)}`, "m"));
    }
    const { traceEvents } = JSON.parse(readFileSync(trace, "utf8")) as { traceEvents: { cat: string; name: string }[] };
    const traced = traceEvents.filter(({ cat }) => cat === "dispatch").map(({ name }) => name);
    assert.equal(traced.sort(), ops.flatMap(({ dispatches }) => dispatches.map(({ name }) => name)).sort());
  });
});

test("bench alone times the step only, in mixed precision too", async () => {
  await inFolder(async (folder) => {
    const config = join(folder, "tiny.yaml");
    writeFileSync(config, TEXT);
    const { code, stdout, stderr } = await allcnn(["bench", config, "--batch=2", "--steps=1"]);
    assert.is(code, 0, stderr);
    assert.match(stdout, /^Device: .*\nStep of 2: .* images\/s.*\n$/);
    const half = await allcnn(["bench", config, "--batch=2", "--steps=1", "--set=precision=f16"]);
    assert.is(half.code, 0, half.stderr);
    const fallback =
      "precision f16: this device has no shader-f16 (on NVIDIA, safe mode hides it), training in float32\nStep of 2:";
    assert.match(half.stdout, new RegExp(`^Device: .*\n(Step of 2 in mixed precision:|${fallback}) .* images/s.*\n$`));
  });
});

test.run();
