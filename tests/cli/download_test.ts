import { existsSync, statSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { datasetKinds } from "../../data/datasets/mod.ts";
import { type Answer, noise, type Server, serving, status } from "../data/_archive_server.ts";
import { allcnn, inFolder } from "./_run.ts";

/** Runs `body` with an empty folder, and the environment of somebody who has no data but this server. */
async function newcomer(
  answer: Answer,
  body: (folder: string, env: Record<string, string>, server: Server) => Promise<void>,
): Promise<void> {
  await serving(noise(50_000), [answer], (server) =>
    inFolder((folder) => {
      const env = { ALLCNN_DATA: "", ALLCNN_CACHE: `${folder}/cache`, ALLCNN_MIRROR: server.address };
      return body(folder, env, server);
    }));
}

test("train asks the server for the missing data set before it compiles, and says where it may be put by hand", () =>
  newcomer(status(404), async (folder, env, { address, paths }) => {
    const out = `${folder}/run`;
    for (const [config, name] of [["allcnn-c", "cifar10"], ["allcnn-c-cifar100", "cifar100"]] as const) {
      const archive = datasetKinds.get(name).archive!, url = `${address}/${archive.file}`;
      const { code, stdout, stderr } = await allcnn(["train", `configs/${config}.yaml`, "--out", out], { env });
      assert.is(code, 1);
      assert.is(paths.at(-1), `/data/${archive.file}`);
      assert.match(stdout, `downloading it from ${url}, ${Math.round(archive.bytes / 1e6)} MB`);
      assert.not.match(stdout, "Compiling");
      assert.is(stderr.trimEnd().split("\n").length, 1, stderr);
      for (const part of [`Cannot download ${url}: `, "404", `"${env["ALLCNN_CACHE"]}/data/${archive.folder}"`]) {
        assert.ok(stderr.includes(part), stderr);
      }
      assert.not(existsSync(out));
    }
  }));

test("a folder that was named and lacks the files is an error, not a download", () =>
  newcomer(status(404), async (folder, env, { paths }) => {
    const train = ["train", "configs/allcnn-c-cifar100.yaml", "--out", `${folder}/run`];
    for (const named of [["--data", `${folder}/none`], []]) {
      const data = named.length > 0 ? "" : folder;
      const { code, stderr } = await allcnn([...train, ...named], { env: { ...env, ALLCNN_DATA: data } });
      assert.is(code, 1);
      assert.match(stderr, /Cannot find CIFAR-100 in ".*": .*train.bin ... test.bin/);
    }
    assert.is(paths.length, 0);
  }));

test("Ctrl-C ends a download, whose beginning stays", () => {
  const beginning: Answer = (response, bytes) =>
    response.writeHead(200, { "content-length": datasetKinds.get("cifar10").archive!.bytes }).write(bytes);
  return newcomer(beginning, async (folder, env) => {
    const { code, stdout } = await allcnn(["train", "configs/allcnn-c.yaml", "--out", `${folder}/run`], {
      env,
      stopWhen: (stdout) => stdout.includes("Downloading CIFAR-10") ? "SIGINT" : null,
    });
    assert.is(code, 130);
    assert.match(stdout, "Stopped; the next start goes on with the download");
    const part = `${env["ALLCNN_CACHE"]}/data/${datasetKinds.get("cifar10").archive!.file}.part`;
    assert.ok(statSync(part).size <= 50_000);
    assert.not(existsSync(`${env["ALLCNN_CACHE"]}/data/${datasetKinds.get("cifar10").archive!.file}.lock`));
  });
});

test.run();
