import { test } from "uvu";
import * as assert from "uvu/assert";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { parse } from "yaml";
import { parseArguments } from "../../cli/arguments.ts";
import { OPTION_WORDS } from "../../cli/words.ts";
import { exportCommand } from "../../cli/export.ts";
import { importCommand } from "../../cli/import.ts";
import { look } from "../../cli/look.ts";
import { predict } from "../../cli/predict.ts";
import { loadConfig } from "../../configs/load.ts";
import { decode, encode } from "../../training/checkpoint.ts";
import { UserError } from "../../core/host/errors.ts";
import { initialParams } from "../../learning/initial_values/mod.ts";
import { decodeTensors, encodeTensors } from "../../core/host/safetensors.ts";
import { keepWhitening, saveCheckpoint } from "../../training/run_folder.ts";
import { specsOf } from "../../training/definition.ts";
import { allcnn, inFolder } from "./_run.ts";

const QUICKSTART = "configs/quickstart.yaml";
const WHITENING = { mean: new Float32Array(3072).fill(2), matrix: new Float32Array(3072 ** 2).fill(0.01) };
const NO_PROGRESS = { progress: null, microBatch: null, tunings: {}, scope: "", shaders: "" };

/** Writes a run with the initial parameters of a config, and velocities, to `folder`/run. */
async function writeRun(folder: string, path: string, whitened = false): Promise<void> {
  const config = await loadConfig(path), { specs } = specsOf(config), values = initialParams(specs, 1);
  const tensors = Object.fromEntries(
    Object.entries(specs).flatMap(([name, { shape }]) => {
      const tensor = { shape, data: values[name]! };
      return [[name, tensor], [`velocity/${name}`, tensor]];
    }),
  );
  const whitening = whitened ? await keepWhitening(`${folder}/run`, WHITENING) : null;
  await saveCheckpoint(`${folder}/run`, { config, ...NO_PROGRESS, whitening, tensors });
}

/** Runs the program; it must succeed. */
async function succeed(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await allcnn(args);
  assert.is(code, 0, stderr);
  return stdout;
}

const COMMANDS = { export: exportCommand, import: importCommand, look, predict };

/** A command line that must fail: in this process, as starting one takes long. */
async function refused([name, ...args]: string[], message: RegExp): Promise<void> {
  const { usage, run } = COMMANDS[name as keyof typeof COMMANDS];
  const error = await run(parseArguments(usage, args)!).then(() => null, (error: unknown) => error);
  assert.instance(error, UserError, `${name} ${args.join(" ")}: ${error ?? "accepted"}`);
  const line = (error as UserError).inWords(OPTION_WORDS);
  assert.match(line, message);
  assert.not.match(line, "\n");
}

test("parameters go to PyTorch's layout and come back with the same bytes", async () => {
  await inFolder(async (folder) => {
    const [own, torch, back, again] = ["own", "torch", "back", "again"].map((name) => `${folder}/${name}.safetensors`);
    await writeRun(folder, QUICKSTART);
    const printed = await succeed("export", `${folder}/run`, "--safetensors", own!);
    assert.is(printed, `Wrote ${own}\n`);
    await succeed("export", `${folder}/run`, "--safetensors", torch!, "--layout", "pytorch");
    await succeed("import", torch!, "--layout", "pytorch", "--config", QUICKSTART, "--out", back!);
    assert.equal(readFileSync(back!), readFileSync(own!));
    await succeed("export", back!, "--safetensors", again!, "--layout", "pytorch");
    assert.equal(readFileSync(again!), readFileSync(torch!));

    const { tensors, config } = await decode(readFileSync(own!) as Uint8Array<ArrayBuffer>, own!);
    assert.is(
      Object.keys(tensors).join(),
      "conv1/w,conv1/b,conv2/w,conv2/b,conv3/w,conv3/b,conv4/w,conv4/b,conv5/w,conv5/b,conv6/w,conv6/b",
    );
    assert.is((config as { name: string }).name, "quickstart");
    const { metadata } = await decodeTensors(readFileSync(torch!) as Uint8Array<ArrayBuffer>, torch!);
    assert.is(metadata["format"], "pt");
  });
});

test("the whitening of a run goes along", async () => {
  await inFolder(async (folder) => {
    await writeRun(folder, "configs/base-a.yaml", true);
    const run = `${folder}/run`, own = `${folder}/own/model.safetensors`, back = `${folder}/back/model.safetensors`;
    const row = { epoch: 6, learningRate: 0.1, trainLoss: 1, trainError: 30, imagesPerSecond: 9, seconds: 9 };
    writeFileSync(`${run}/metrics.jsonl`, `${JSON.stringify({ ...row, testLoss: 1, testError: 25.5 })}\n`);
    await succeed("export", run, "--safetensors", own, "--onnx", `${folder}/a.onnx`, "--hub", `${folder}/hub`);
    for (const name of ["model", "whitening"]) {
      assert.equal(
        readFileSync(`${folder}/hub/${name}.safetensors`),
        readFileSync(`${folder}/own/${name}.safetensors`),
      );
    }
    const card = readFileSync(`${folder}/hub/README.md`, "utf8"), [, front] = card.split("---\n");
    const { datasets, "model-index": [{ results: [result] }] } = parse(front!);
    assert.equal([datasets, result.metrics], [["uoft-cs/cifar10"], [{ type: "accuracy", value: 0.745 }]]);
    assert.match(card, "Its test error after 6 epochs is 25.50 %. Its images go through gcn and zca.");
    const hub = JSON.parse(readFileSync(`${folder}/hub/config.json`, "utf8"));
    assert.equal([hub.image_size, hub.id2label[3], hub.allcnn.name], [[32, 32], "cat", "base-a"]);
    await succeed("export", run, "--safetensors", `${folder}/torch.safetensors`, "--layout", "pytorch");
    const args = ["--layout", "pytorch", "--config", "configs/base-a.yaml", "--out", back];
    await succeed("import", `${folder}/torch.safetensors`, ...args, "--whitening", `${run}/whitening.safetensors`);
    for (const name of ["model", "whitening"]) {
      assert.equal(
        readFileSync(`${folder}/own/${name}.safetensors`),
        readFileSync(`${folder}/back/${name}.safetensors`),
      );
    }
    assert.ok(statSync(`${folder}/a.onnx`).size > 4 * 3072 ** 2, "the ONNX file has no whitening");
  });
});

test("an ONNX file and Python code are written at once; files that exist stay unless --force says otherwise", async () => {
  await inFolder(async (folder) => {
    await writeRun(folder, QUICKSTART);
    const onnx = `${folder}/a.onnx`, code = `${folder}/net.py`;
    assert.is(
      await succeed("export", `${folder}/run`, "--onnx", onnx, "--torch", code),
      `Wrote ${onnx}\nWrote ${code}\n`,
    );
    assert.match(readFileSync(code, "utf8"), 'CLASSES = [\n    "disc",');
    writeFileSync(onnx, "mine");
    await refused(
      ["export", `${folder}/run`, "--onnx", onnx],
      /a.onnx" already exists: choose another name, or add --force/,
    );
    assert.is(readFileSync(onnx, "utf8"), "mine");
    await succeed("export", `${folder}/run`, "--onnx", onnx, "--force");
    assert.ok(readFileSync(onnx).length > 1000);

    const [own, back] = ["own", "back"].map((name) => `${folder}/${name}.safetensors`) as [string, string];
    await succeed("export", `${folder}/run`, "--safetensors", own);
    const printed = await succeed("look", onnx, "--out", back),
      [ours, theirs] = await Promise.all(
        [own, back].map((path) => decodeTensors(new Uint8Array(readFileSync(path)), path)),
      );
    assert.match(printed, /^a: images of 32x32x3 \(shapes\), 10 classes\n\n[^]*^conv1 +3x3 convolution, ReLU/m);
    assert.equal(theirs!.tensors, ours!.tensors);
    assert.match(await succeed("show", back), /^a: images of 32x32x3 \(shapes\), 10 classes$/m);

    await refused(["look", own], /own.safetensors": it is no ONNX file, or damaged/);
    await refused(
      ["look", onnx, "--out", back],
      /back.safetensors" already exists: choose another name, or add --force/,
    );
    await refused(["look", onnx, "--input", "32x32"], /--input expects height x width x channels, .* got "32x32"/);
    await refused(["look", onnx, "--mean", "0.5;0.5"], /--mean expects numbers, as 0.5,0.5,0.5, got "0.5;0.5"/);
    await refused(["look", onnx, "--mean", "0.5"], /Cannot use mean: .*a.onnx" says itself what its pixels go through/);
    await refused(["look", `${folder}/none.onnx`], /Cannot read ".*none.onnx": it does not exist/);
    await refused(["predict", onnx, "models/samples/cat.png"], /"allcnn look" makes a checkpoint of a file of ONNX/);
  });
});

test("wrong command lines and files are one clear line", async () => {
  await inFolder(async (folder) => {
    await writeRun(folder, QUICKSTART);
    const run = `${folder}/run`, bare = `${folder}/bare.safetensors`, out = `${folder}/out.safetensors`;
    const named = `${folder}/named.safetensors`, tensors = { "0.weight": { shape: [1], data: Float32Array.of(1) } };
    writeFileSync(bare, await encodeTensors({ metadata: {}, tensors: {} }));
    writeFileSync(named, await encodeTensors({ metadata: {}, tensors }));
    writeFileSync(
      `${folder}/other.safetensors`,
      await encode({ config: { name: 3 }, ...NO_PROGRESS, whitening: null, tensors }),
    );
    const to = ["--config", QUICKSTART, "--out", out];
    await refused(["export", run], /Nothing to export: add --onnx FILE, --safetensors FILE, --torch FILE or --hub DIR/);
    await refused(["export", run, "--onnx", out, "--layout", "pytorch"], /--layout is of --safetensors FILE, add it/);
    await refused(
      ["export", run, "--safetensors", out, "--layout", "keras"],
      /--layout expects allcnn or pytorch, got "keras"/,
    );
    await refused(["export", run, "--onnx", out, "--torch", out], /Cannot write twice to ".*out.safetensors"/);
    await refused(["export", bare, "--onnx", out], /bare.safetensors" carries no config: name one, as --config/);
    await refused(
      ["export", `${folder}/other.safetensors`, "--onnx", out],
      /Cannot use the config in ".*other.safetensors"/,
    );
    await refused(["import", named, "--out", out], /--config CONFIG is missing/);
    await refused(["import", named, "--config", QUICKSTART], /--out FILE is missing/);
    await refused(["import", named, ...to], /have PyTorch's names: add --layout pytorch/);
    await refused(["import", bare, ...to], /no tensor "conv1\/w" \[3, 3, 3, 16\]/);
    await refused(
      ["import", named, ...to, "--layout", "pytorch"],
      /"0.weight" is \[1\], expected \[16, 3, 3, 3\] for conv1\/w/,
    );
    await refused(["import", named, ...to, "--whitening", bare], /quickstart.yaml" has nothing that whitens/);
    await refused(["import", named, "--config", QUICKSTART, "--out", folder], /it is a folder, name a file/);
  });
});

test.run();
