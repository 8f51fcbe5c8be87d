/** The commands with the network that comes along: without data, from any folder. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { resolve } from "node:path";
import process from "node:process";
import { classNames } from "../../data/datasets/mod.ts";
import { execute, inFolder, type Result } from "./_run.ts";

const CLASSES = classNames({ name: "cifar10" });

/** No data set lies anywhere, and none can be downloaded. */
const without = (folder: string) => ({
  ALLCNN_DATA: "",
  ALLCNN_CACHE: `${folder}/cache`,
  ALLCNN_MIRROR: "http://127.0.0.1:9/",
});

const runner = (folder: string, program = resolve("dist/allcnn.js")) => (args: readonly string[]): Promise<Result> =>
  execute(process.execPath, [program, ...args], { cwd: folder, env: without(folder) });

test("show, predict and export take it by name", () =>
  inFolder(async (folder) => {
    const run = runner(folder);
    assert.match((await run(["show", "demo"])).stdout, /^demo: images of 32x32x3 \(cifar10\), 10 classes$/m);

    const { code, stdout, stderr } = await run(["predict", "demo", resolve("models/samples"), "--json"]);
    assert.is(code, 0, stderr);
    const named = stdout.trimEnd().split("\n").map((line) => JSON.parse(line)).filter(({ image, top }) =>
      image.endsWith(`/${top[0].name}.png`)
    );
    assert.ok(named.length >= 8, `it recognizes ${named.length} of ten drawings`); // chance: 1

    assert.is((await run(["export", "demo", "--safetensors", "own.safetensors"])).code, 0);
    assert.ok(
      readFileSync(`${folder}/own.safetensors`).length > 2 * readFileSync("models/demo.safetensors").length - 1e5,
    );
  }));

test("visualize and serve show the samples where there are no test images", () =>
  inFolder(async (folder) => {
    const run = runner(folder);
    const drawn = await run([
      "visualize",
      "demo",
      "--layer",
      "conv1",
      "--units",
      "1",
      "--patches",
      "2",
      "--out",
      "out",
    ]);
    assert.is(drawn.code, 0, drawn.stderr);
    assert.match(drawn.stdout, /^10 sample pictures stand in for cifar10's test images, which --data DIR names$/m);
    const { patches, of } = JSON.parse(readFileSync(`${folder}/out/index.json`, "utf8"))["conv1-top-patches.png"];
    assert.is(of, "sample pictures");
    for (const { example, label } of patches) assert.is(label, CLASSES[example]);

    const server = spawn(process.execPath, [resolve("dist/allcnn.js"), "serve", "demo", "--port=0"], {
      cwd: folder,
      env: { ...process.env, ...without(folder) },
      stdio: ["ignore", "pipe", "ignore"],
    });
    try {
      const url = await new Promise<string>((found, failed) => {
        let text = "";
        server.stdout.on("data", (data: Uint8Array) => {
          const open = /Open (\S+) in a browser/.exec(text += new TextDecoder().decode(data));
          if (open !== null) found(open[1]!);
        });
        server.once("close", () => failed(new Error(`it ended: ${text}`)));
      });
      const samples = await (await fetch(`${url}api/samples`)).json() as { label: number }[];
      assert.equal(samples.map(({ label }) => label), [...CLASSES.keys()]);
      const about = await (await fetch(`${url}api/run`)).json() as { searched: string };
      assert.is(about.searched, "sample pictures");
    } finally {
      server.kill("SIGINT");
    }
  }));

test("a path of that name comes first; an allcnn that was built without it says so in a line", () =>
  inFolder(async (folder) => {
    const run = runner(folder), wanted = ["export", "demo", "--torch", "net.py"];
    mkdirSync(`${folder}/demo`);
    const other = await run(wanted);
    assert.match(other.stderr, /^allcnn: There is no run in "demo": it holds no checkpoint.safetensors\n$/);
    copyFileSync("configs/quickstart.yaml", `${folder}/demo/config.yaml`);
    assert.match((await run(["show", "demo"])).stdout, /^quickstart: images of 32x32x3/m);

    const bare = `${folder}/bare`;
    mkdirSync(`${bare}/dist`, { recursive: true });
    copyFileSync("package.json", `${bare}/package.json`);
    for (const name of ["allcnn.js", "program.js"]) copyFileSync(`dist/${name}`, `${bare}/dist/${name}`);
    symlinkSync(resolve("node_modules"), `${bare}/node_modules`);
    const runBare = runner(bare, `${bare}/dist/allcnn.js`);
    for (const args of [wanted, ["show", "demo"]]) {
      const { code, stderr } = await runBare(args);
      assert.is(code, 1);
      assert.match(
        stderr,
        /^allcnn: Cannot open "demo": this allcnn was built without its network, models\/demo.safetensors; .*\n$/,
      );
    }
    assert.not.ok(existsSync(`${bare}/net.py`));
  }));

test.run();
