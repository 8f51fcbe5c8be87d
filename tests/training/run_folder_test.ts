import { test } from "uvu";
import * as assert from "uvu/assert";
import { build } from "esbuild";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import process from "node:process";
import { loadConfig } from "../../configs/load.ts";
import { latestCheckpoint, refuseExistingRun, removeLeftovers, startRun } from "../../training/run_folder.ts";
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
        new RegExp(`^${name}: FileError: Cannot write "${run}/.*": the file would be larger than`),
      )
    );
    assert.equal(readdirSync(run), files, "nothing new, nothing half written");
    assert.equal(files.map((file) => readFileSync(`${run}/${file}`, "base64")), before);
    assert.is((await latestCheckpoint(run, assert.unreachable)).tensors["w"]!.data[0], 3000);

    assert.match((await write(8000, "true")).stdout, "checkpoint: written"); // when there is space again
    assert.is((await latestCheckpoint(run, assert.unreachable)).tensors["w"]!.data[0], 8000);
  }));

test("files of others in the folder of a run stay: only what a run's own writes left is deleted", () =>
  inFolder(async (folder) => {
    const foreign = ["notes.tmp", "config.yaml.tmp", "thesis.0a1b2c3d.tmp"],
      left = ["config.yaml.0a1b2c3d.tmp", "metrics.jsonl.ffffffff.tmp"];
    for (const name of [...foreign, ...left]) writeFileSync(`${folder}/${name}`, "x");
    mkdirSync(`${folder}/cache.tmp`);
    await removeLeftovers(folder);
    assert.equal(readdirSync(folder), [...foreign, "cache.tmp"].sort());
  }));

test("a folder with somebody's config or picture is refused for a new run; one that a killed run began is not", () =>
  inFolder(async (folder) => {
    const config = await loadConfig("configs/quickstart.yaml"),
      refused = async (name: string) => {
        const error = await refuseExistingRun(folder, config).then(() => null, (error: Error) => error);
        assert.match(error?.message ?? "", `would replace your ${name} there`);
      };
    await startRun(folder, config, null);
    await refuseExistingRun(folder, config);
    writeFileSync(`${folder}/config.yaml`, "# my notes\n" + readFileSync(`${folder}/config.yaml`, "utf8"));
    await refused("config.yaml");
    rmSync(`${folder}/config.yaml`);
    writeFileSync(`${folder}/curves.png`, "mine");
    await refused("curves.png");
  }));

test.run();
