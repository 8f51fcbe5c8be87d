import { test } from "uvu";
import * as assert from "uvu/assert";
import { build } from "esbuild";
import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { latestCheckpoint } from "../../training/run_folder.ts";
import { execute, inFolder } from "../cli/_run.ts";

test("where no file may grow beyond 16 KiB, as on a full disk, every old file stays and one line says why", () =>
  inFolder(async (folder) => {
    if (process.platform === "win32") return console.log("skipped: Windows has no limit of file sizes");
    const script = "dist/tests/folder_writer.mjs", run = `${folder}/run`;
    await build({
      entryPoints: ["tests/training/_folder_writer.ts"],
      outfile: script,
      bundle: true,
      format: "esm",
      platform: "node",
      packages: "external",
    });
    const write = (floats: number, limit: string) =>
      execute("bash", [
        "-c",
        `trap '' XFSZ; ${limit}; exec "$@"`,
        "bash",
        process.execPath,
        script,
        run,
        String(floats),
      ]);
    const names = ["checkpoint", "metrics", "curves", "whitening"];
    const first = await write(3000, "true");
    assert.is(first.stdout, names.map((name) => `${name}: written\n`).join(""), first.stderr);
    const files = readdirSync(run), before = files.map((file) => readFileSync(`${run}/${file}`, "base64"));

    const { stdout, stderr } = await write(8000, "ulimit -f 16");
    const lines = stdout.trimEnd().split("\n");
    assert.is(lines.length, names.length, stdout + stderr);
    names.forEach((name, i) =>
      assert.match(
        lines[i]!,
        new RegExp(`^${name}: UserError: Cannot write "${run}/.*": the file would be larger than`),
      )
    );
    assert.equal(readdirSync(run), files, "nothing new, nothing half written");
    assert.equal(files.map((file) => readFileSync(`${run}/${file}`, "base64")), before);
    assert.is((await latestCheckpoint(run, assert.unreachable)).tensors["w"]!.data[0], 3000);

    assert.match((await write(8000, "true")).stdout, "checkpoint: written"); // when there is space again
    assert.is((await latestCheckpoint(run, assert.unreachable)).tensors["w"]!.data[0], 8000);
  }));

test.run();
