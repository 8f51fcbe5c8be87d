import { test } from "uvu";
import * as assert from "uvu/assert";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { type Compiled, compileFor } from "../../../bench/isa/candidates.ts";
import { GPUS } from "../../../bench/isa/gpus.ts";
import { mainShader } from "../../../bench/isa/table.ts";
import { buildLayer, findDriver } from "../../../bench/isa/null_gpu.ts";
import type { Job } from "../../../bench/isa/compile.ts";

const driver = findDriver(), folder = mkdtempSync(`${tmpdir()}/allcnn-isa-test-`), layer = `${folder}/layer`;
const missing = driver === null
  ? "RADV"
  : existsSync("/usr/include/vulkan/vk_layer.h")
  ? null
  : "Vulkan's headers (libvulkan-dev)";
if (missing !== null) console.log(`Skipped: compiling for AMD GPUs needs ${missing}`);
const check = missing === null ? test : test.skip;

const gpu = (family: string) => GPUS.find((each) => each.family === family)!;
const NOTHING: Omit<Job, "output" | "from" | "gpu"> = {
  configs: [],
  conv: null,
  settings: [],
  only: null,
  defaults: true,
  matrix: false,
  show: false,
};

async function compile(job: Partial<Job> & Pick<Job, "gpu">): Promise<readonly Compiled[]> {
  buildLayer(layer);
  return (await compileFor({ driver: driver!, layer }, { ...NOTHING, ...job }, folder, () => {})).candidates;
}

/** Columns of a tile in workgroup memory, alone or within Winograd; else 0. */
function tiledColumns(tuning: unknown): number {
  const { family, columns = 0, product } = tuning as { family?: string; columns?: number; product?: unknown };
  return product === undefined ? family === "tiled" ? columns : 0 : tiledColumns(product);
}

/** Half of their tile of 64 rows is padding, whose products the compiler leaves out. */
const HALF_EMPTY = new Set(["block3/projection/dw"]);

const FAMILIES = ["navi21", "navi31", "gfx1200"], CONFIGS = ["allcnn-c", "quickstart", "resnet-8"];

for (const family of FAMILIES) {
  check(`${family}: the defaults of ${CONFIGS.join(", ")} spill nothing, leave room, and mostly multiply`, async () => {
    for (const { op, tuning, result } of await compile({ gpu: gpu(family), configs: CONFIGS })) {
      if ("failed" in result) throw new Error(`${op}: ${result.failed}`);
      for (const { spills, occupancy } of result.shaders) {
        assert.is(spills, 0, `${op} spills`);
        assert.ok(occupancy >= 2, `${op}: ${occupancy} subgroups fit on a SIMD`);
      }
      const { loop } = mainShader(result.shaders);
      if (loop === null || tiledColumns(tuning) < 64 || HALF_EMPTY.has(op)) continue;
      assert.ok(loop.productShare >= 0.85, `${op}: ${loop.productShare} of the inner loop are products`);
    }
  });
}

check("the tool prints a table, and writes what it found", () => {
  const json = `${folder}/found.json`;
  const args = ["scripts/run.mjs", "bench/isa/main.ts", "--conv", "8,16,16,32,64,3,1,1", "--family", "navi21"];
  const { status, stdout } = spawnSync(process.execPath, [...args, "--only", "forward", "--json", json], {
    encoding: "utf8",
  });
  assert.is(status, 0);
  assert.match(stdout, /RX 6900 XT \(navi21, RDNA 2\)/);
  assert.match(stdout, /conv\/forward +winograd/);
  assert.ok(existsSync(json));
});

check("a shader that the driver dies of is a row, and the rest goes on", async () => {
  process.env["ALLCNN_ISA_DIES_AT"] = "1";
  try {
    const found = await compile({ gpu: gpu("navi31"), conv: "8,16,16,32,64,3,1,1", only: "dx", defaults: false });
    const failed = found.filter(({ result }) => "failed" in result);
    assert.equal(failed.map(({ index, result }) => [index, "failed" in result && result.failed]), [
      [1, "the driver died while compiling it"],
    ]);
    assert.ok(found.length > 5);
    assert.is(found[2]!.op, "conv/dx");
    const { result } = found[2]!;
    assert.ok("shaders" in result && mainShader(result.shaders).registers > 0);
  } finally {
    delete process.env["ALLCNN_ISA_DIES_AT"];
  }
});

test("a family that nobody knows is one line that lists those that are known", () => {
  const { status, stderr } = spawnSync(process.execPath, [
    "scripts/run.mjs",
    "bench/isa/main.ts",
    "quickstart",
    "--family",
    "navi99",
  ], { encoding: "utf8" });
  assert.is(status, 1);
  assert.is(
    stderr.trim(),
    `allcnn: --family expects one of ${
      GPUS.map(({ family }) => family).join(", ")
    }, got "navi99", did you mean navi10?`,
  );
});

test.after(() => rmSync(folder, { recursive: true, force: true }));

test.run();
