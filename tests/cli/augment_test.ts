import { test } from "uvu";
import * as assert from "uvu/assert";
import { existsSync, readFileSync } from "node:fs";
import { decode } from "fast-png";
import { allcnn, inFolder } from "./_run.ts";

test("augment draws a PNG of originals and variants without any download", async () => {
  await inFolder(async (folder) => {
    const out = `${folder}/sub/grid.png`, small = ["--images", "2", "--variants", "1", "--out", out];
    const settings = ["--set", "dataset.augment={ pad: 5, flip: true }"];
    const { code, stdout, stderr } = await allcnn(["augment", "configs/quickstart.yaml", ...small, ...settings]);
    assert.equal([code, stderr.trim()], [0, ""]);
    assert.match(stdout, `Drawn: ${out}`);
    const { width, height } = decode(readFileSync(out));
    assert.ok(width > 3 * 192 && height > 2 * 192, `${width}x${height}`);
  });
});

test("augment refuses in one line what it cannot draw", async () => {
  await inFolder(async (folder) => {
    const out = `${folder}/grid.png`;
    const refused = async (args: readonly string[], parts: readonly string[]) => {
      const { code, stderr } = await allcnn(["augment", ...args, "--out", out], { env: { ALLCNN_DATA: "" } });
      assert.is(code, 1);
      assert.is(stderr.trim().split("\n").length, 1, stderr);
      for (const part of parts) assert.ok(stderr.includes(part), `${part} is not in ${stderr}`);
      assert.not(existsSync(out));
    };
    await refused(["configs/quickstart.yaml", "--images", "65"], ["--images", "at most 64", "65"]);
    await refused(["configs/quickstart.yaml", "--seed", "4294967296"], ["--seed", "2^32"]);
    await refused(["configs/large-allcnn.yaml", "--data", folder], [folder, "data_batch_1.bin"]);
    await refused(["configs/allcnn-b-imagenet.yaml"], ["imageFolder"]);
  });
});

test.run();
