import { test } from "uvu";
import * as assert from "uvu/assert";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { decode, encode } from "../../training/checkpoint.ts";
import { allcnn, execute, inFolder, SMALL, SMALL_NETWORK } from "./_run.ts";

const QUICKSTART = "configs/quickstart.yaml";

/** What is wrong, the command line ($ is a temporary folder), and what the one line on standard error must say. */
const CASES: [string, string[], RegExp][] = [
  ["no config", ["train"], /CONFIG is missing/],
  ["a missing config", ["train", "nothing.yaml"], /Cannot read "nothing.yaml": it does not exist/],
  ["an unknown option", ["train", QUICKSTART, "--epoch", "3"], /Unknown option '--epoch'.*--help/],
  ["a number that is none", ["train", QUICKSTART, "--epochs", "three"], /--epochs expects a whole number/],
  ["a misspelled key", ["train", QUICKSTART, "--set", "training.batchs=3"], /training.batchs: unknown key.*batch/],
  ["an impossible shape", [
    "train",
    QUICKSTART,
    "--set",
    "network.4.conv={ name: conv5, channels: 8, kernel: 9 }",
    "--out",
    "$/a",
  ], /Cannot apply conv "conv5" to \[1, 4, 4, 64\]: kernel 9x9 .* needs height and width >= 9, got 4x4/],
  ["a network with another number of classes", [
    "train",
    QUICKSTART,
    "--set",
    "network.5.conv.channels=7",
    "--out",
    "$/a",
  ], /ends with \[1, 1, 1, 7\], shapes needs \[1, 1, 1, 10\]/],
  [
    "a batch larger than the examples",
    ["train", QUICKSTART, "--train-examples", "10", "--out", "$/a"],
    /batches of 64: there are 10/,
  ],
  [
    "no data",
    ["train", "configs/allcnn-c.yaml", "--data", "$/none", "--out", "$/a"],
    /\$\/none.*--data DIR or ALLCNN_DATA/,
  ],
  [
    "a truncated data file",
    ["train", "configs/allcnn-c.yaml", "--data", "$/short", "--out", "$/a"],
    /data_batch_1.bin.*\b7\b.*30[ ,]?730[ ,]?000/,
  ],
  [
    "a checkpoint that is none",
    ["evaluate", "$/short/data_batch_1.bin", "--config", QUICKSTART],
    /Cannot read ".*" as safetensors/,
  ],
  ["a missing checkpoint", ["evaluate", "$/nothing"], /Cannot read ".*nothing": it does not exist/],
  ["a report over one's own", ["report", "$", "--out", "$/short/notes.md"], /notes.md": the file there is no report/],
  ["predictions over it", ["evaluate", "$", "--predictions", "$/short/notes.md"], /the file there is no JSON/],
  ["a picture over it", ["augment", QUICKSTART, "--out", "$/short/notes.md"], /the file there is no picture as PNG/],
  ["a trace over it", ["bench", QUICKSTART, "--trace", "$/short/notes.md"], /the file there is no JSON/],
  [
    "two files at one place",
    ["export", "$", "--onnx", "$/m", "--torch", "$/short/../m"],
    /Cannot write twice to ".*m"/,
  ],
  ["no image", ["predict", "$/nothing"], /IMAGE is missing.*--help/],
  ["no class", ["predict", "$/nothing", "a.png", "--top", "0"], /--top expects a whole number of at least 1, got "0"/],
  ["a missing checkpoint to predict with", ["predict", "$/nothing", "a.png"], /Cannot read ".*nothing": it does not/],
  [
    "a rule that is none",
    ["visualize", "$/nothing", "--rule", "guide"],
    /--rule expects gradient, deconvnet, .*"guide"/,
  ],
  [
    "no patches",
    ["visualize", "$/nothing", "--patches", "0"],
    /--patches expects a whole number of at least 1, got "0"/,
  ],
  ["images without numbers", ["visualize", "$/nothing", "--index", "1,b"], /--index expects numbers, as .*"1,b"/],
  [
    "a folder without pictures",
    ["visualize", "$/nothing", "$/short"],
    /Cannot read images from ".*short": it holds no/,
  ],
  ["two figures", ["visualize", "$/nothing", "a.png", "--filters"], /--filters and --images are two figures: name one/],
  [
    "options of another figure",
    ["visualize", "$/nothing", "--filters", "--unit", "3"],
    /--unit does not go with --filters/,
  ],
  ["no zoom", ["visualize", "$/nothing", "--zoom", "0"], /--zoom expects a whole number of at least 1, got "0"/],
  ["a large SVG", ["visualize", "$/nothing", "--zoom", "2", "--svg"], /--zoom is of PNG files: .* leave one out/],
  [
    "filters over an image",
    ["visualize", "$/nothing", "--filters", "--overlay"],
    /--overlay does not go with --filters/,
  ],
  ["no space", ["visualize", "$/nothing", "--space", "image"], /--space expects network or pixels, got "image"/],
  [
    "contributions in pixels",
    ["visualize", "$/nothing", "a.png", "--layer", "conv1", "--space", "pixels", "--method", "all"],
    /--space pixels is of signals, which --method gradientTimesInput does not give: name some of gradient, /,
  ],
  [
    "a file for pictures",
    ["visualize", "$/nothing", "--out", "$/short/data_batch_1.bin"],
    /Cannot write pictures to ".*bin": it is a file, name a folder with --out/,
  ],
  ["nothing to resume", ["train", "--resume", "$/nothing"], /There is no run in ".*nothing"/],
  ["a tensor larger than a binding", [
    "train",
    QUICKSTART,
    "--set",
    "training.batch=6000",
    "--set",
    "network.0.conv.channels=256",
    "--micro-batch",
    "6000",
    "--out",
    "$/a",
  ], /tensor .* takes .* MiB, this device binds at most .* the largest batch that fits is \d+/],
  [
    "micro-batches that do not divide the batch",
    ["train", QUICKSTART, "--micro-batch", "7", "--out", "$/a"],
    /Cannot cut batches of 64 into micro-batches of 7: 4 would divide them/,
  ],
  ["--out with --resume", ["train", "--resume", "$/short", "--out", "$/a"], /--out cannot be used with --resume/],
  [
    "an unknown command",
    ["tain"],
    /Unknown command "tain", did you mean train\? There are configs, show, train, evaluate, predict, visualize, serve, augment, bench, tune/,
  ],
];

for (const [name, args, expected] of CASES) {
  test(`${name}: one clear line, exit code 1, nothing written`, () =>
    inFolder(async (folder) => {
      mkdirSync(`${folder}/short`);
      for (const file of [1, 2, 3, 4, 5].map((n) => `data_batch_${n}.bin`)) {
        writeFileSync(`${folder}/short/${file}`, "no data");
      }
      writeFileSync(`${folder}/short/notes.md`, "my notes");
      const { code, stderr } = await allcnn(args.map((arg) => arg.replace("$", folder)), { env: { ALLCNN_DATA: "" } });
      assert.is(code, 1, stderr);
      assert.is(stderr.trimEnd().split("\n").length, 1, stderr);
      assert.match(stderr.replaceAll(folder, "$"), expected);
      assert.not(existsSync(`${folder}/a`));
      assert.is(readFileSync(`${folder}/short/notes.md`, "utf8"), "my notes");
    }));
}

test("an out folder that holds a run is not overwritten; another network's checkpoint is named", () =>
  inFolder(async (folder) => {
    const run = `${folder}/run`;
    assert.is((await allcnn(["train", QUICKSTART, "--epochs", "0", "--out", run])).code, 0);
    const before = readFileSync(`${run}/checkpoint.safetensors`);
    const again = await allcnn(["train", QUICKSTART, "--out", run]);
    assert.is(again.code, 1);
    assert.match(again.stderr, /already holds a run: go on with --resume/);
    assert.ok(before.equals(readFileSync(`${run}/checkpoint.safetensors`)));
    const other = await allcnn(["evaluate", `${run}/checkpoint.safetensors`, "--config", "configs/allcnn-c.yaml"]);
    assert.is(other.code, 1);
    assert.match(other.stderr, /tensor "conv1\/w" is \[3, 3, 3, 16\], the network needs \[3, 3, 3, 96\]/);
  }));

test("a network that puts out no numbers says so, instead of errors and pictures of them", () =>
  inFolder(async (folder) => {
    const run = `${folder}/run`, file = `${run}/checkpoint.safetensors`, predictions = `${folder}/p.jsonl`;
    assert.is((await allcnn(["train", QUICKSTART, ...SMALL_NETWORK, "--epochs", "0", "--out", run])).code, 0);
    const checkpoint = await decode(new Uint8Array(readFileSync(file)), file);
    for (const name of ["conv1/w", "conv5/w"]) checkpoint.tensors[name]!.data.fill(1e38); // their products overflow
    writeFileSync(file, await encode(checkpoint));
    for (
      const args of [
        ["evaluate", run, "--test-examples", "16", "--predictions", predictions],
        ["visualize", run, "--layer", "conv5", "--index", "0", "--out", `${folder}/figures`],
      ]
    ) {
      const { code, stderr } = await allcnn(args);
      assert.is(code, 1, args.join(" "));
      assert.match(stderr, /^allcnn: Cannot (evaluate|explain) with .*: it puts out values that are no numbers\n$/);
    }
    assert.not(existsSync(predictions) || existsSync(`${folder}/figures`));
  }));

test("a damaged checkpoint is named and the one before it is used", () =>
  inFolder(async (folder) => {
    const run = `${folder}/run`, file = `${run}/checkpoint.safetensors`;
    assert.is((await allcnn(["train", QUICKSTART, ...SMALL, "--out", run])).code, 0);
    writeFileSync(file, readFileSync(file).subarray(0, 3000));
    const { code, stdout } = await allcnn(["train", "--resume", run]);
    assert.is(code, 0);
    assert.match(stdout, /checkpoint.safetensors" as safetensors: .*; using .*checkpoint.previous.safetensors/);
    assert.match(stdout, /epoch 3\/3/);
    writeFileSync(file, "x");
    writeFileSync(`${run}/checkpoint.previous.safetensors`, "y");
    const none = await allcnn(["evaluate", run]);
    assert.is(none.code, 1);
    assert.match(none.stderr, /Cannot read/);
  }));

test("a full disk behind standard output is named, as the one line", async () => {
  if (!existsSync("/dev/full")) return console.log("skipped: this system has no /dev/full");
  for (const command of ["show quickstart", "show quickstart --json", "train --help"]) {
    const { code, stderr } = await execute("sh", [
      "-c",
      `"$0" dist/allcnn.js ${command} > /dev/full`,
      process.execPath,
    ]);
    assert.is(code, 1, stderr);
    assert.match(stderr, /^allcnn: Cannot write "standard output": .*\n$/);
  }
});

test.run();
