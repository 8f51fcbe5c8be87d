/** `allcnn show`: layers, program, memory and shaders of configs, runs and checkpoints, without a device. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { allcnn, inFolder } from "./_run.ts";

/** Of an adapter that the environment cannot have: whatever works with it needs no device. */
const NO_DEVICE = { env: { VK_DRIVER_FILES: "/nowhere.json", VK_ICD_FILENAMES: "/nowhere.json" } };

async function show(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await allcnn(["show", ...args], NO_DEVICE);
  assert.is(`${stderr}${code}`, "0");
  return stdout;
}

const json = async (...args: string[]) => JSON.parse(await show(...args, "--json"));

test("layers with shapes, parameters, multiplications and receptive fields", async () => {
  const text = await show("allcnn-c");
  assert.match(text, /^allcnn-c: images of 32x32x3 \(cifar10\), 10 classes\n/);
  assert.match(text, /^conv3 +3x3 convolution, stride 2, ReLU +16x16x96 +83,040 +21,233,664 +7x7 +2$/m);
  assert.match(text, /^dropout1 +dropout 0.2, in training only +32x32x3 +- +- +1x1 +1$/m);
  assert.match(text, /^sum +1,369,738 +270,798,336$/m);
  const { config, input, classes, layers } = await json("quickstart", "--set", "network.0.conv.channels=8");
  assert.equal([config, input, classes, layers.length], ["quickstart", [32, 32, 3], 10, 7]);
  assert.equal(layers[1], {
    name: "conv2",
    what: "3x3 convolution, stride 2, ReLU",
    output: [16, 16, 32],
    parameters: 3 * 3 * 8 * 32 + 32,
    multiplications: 16 * 16 * 32 * 3 * 3 * 8,
    field: { height: 5, width: 5, stride: 2 },
    layers: [],
  });
});

test("the program: each tensor is written before it is read, and parameters have their names", async () => {
  const text = await show("quickstart", "--program");
  assert.match(text, /^Training step of 64 images: \d+ operations$/m);
  assert.match(
    text,
    /^ *\d+ +conv2\/forward +conv_forward +\d+ +conv1\/y 64x32x32x16, conv2\/w 3x3x16x32, .* -> conv2/m,
  );
  assert.match(text, /conv2\/dw .* -> grads\/conv2\/w 3x3x16x32, grads\/conv2\/b 32$/m);
  const { programs: [{ ops }] } = await json("allcnn-c", "--program"), written = new Set<string>();
  for (const { label, reads, writes } of ops) {
    for (const { name } of reads) {
      const kept = /^(train|params|grads|velocity)\/|^step$|\/[wb]$/.test(name);
      assert.ok(kept || written.has(name), `${label} reads ${name}`);
    }
    for (const { name } of writes) written.add(name);
  }
  const { layers } = await json("allcnn-c");
  for (const { name, multiplications } of layers) {
    if (multiplications === 0) continue;
    const forward = ops.find(({ label }: { label: string }) => label === `${name}/forward`);
    assert.is(forward.flops, 2 * 128 * multiplications, name); // a multiplication and an addition each
  }
});

test("the memory plan: what shares a slot never lives at the same time, and fits", async () => {
  const { programs: [{ memory }] } = await json("allcnn-c", "--memory");
  for (const { bytes, tensors } of memory.slots) {
    tensors.forEach(({ bytes: own, first, last, name }: Record<string, number>, index: number) => {
      assert.ok(own! <= bytes && first! <= last! && last! <= memory.ops, String(name));
      if (index > 0) assert.ok(tensors[index - 1].last < first!, String(name));
    });
  }
  const names = memory.persistent.map(({ name }: { name: string }) => name);
  for (const name of ["params/0", "grads/0", "velocity/0", "train/images0"]) assert.ok(names.includes(name), name);
  const images = memory.persistent.find(({ name }: { name: string }) => name === "train/images0");
  assert.is(images.bytes, 50_000 * 32 * 32 * 3 * 4);
  const text = await show("allcnn-c", "--memory");
  assert.match(text, /^ *\d+ +48\.0 MiB +\.\.\.a{30}\.\. +a conv1\/y$/m);
});

test("micro-batches have two programs; evaluation has its own; --batch changes both", async () => {
  const parts = await show("quickstart", "--micro-batch", "16", "--program", "--memory");
  assert.match(parts, /^Micro-batch of 16 images, 4 times: \d+ operations$/m);
  assert.match(parts, /^Update after the 4 micro-batches: memory\n\nIt needs no other memory/m);
  const { programs: [evaluation] } = await json("quickstart", "--program", "--eval", "--batch", "32");
  assert.is(evaluation.name, "evaluation of 32 images");
  assert.not.ok(evaluation.ops.some(({ label }: { label: string }) => label.endsWith("/dw")));
  const half = await show("quickstart", "--program", "--set", "precision=f16");
  assert.match(half, /conv1\/y 64x32x32x16 f16/);
});

test("the shaders of an op, with what they are bound to", async () => {
  const text = await show("quickstart", "--wgsl", "conv2/forward");
  assert.match(text, /^\/\/ conv2\/forward: conv_forward with tuning \{.*\}, [\dx]+ workgroups\n/m);
  assert.match(text, /^\/\/ @binding\(0\) reads conv1\/y 64x32x32x16$/m);
  assert.match(text, /@compute @workgroup_size/);
  const outside = text.split("\n").filter((line) => !line.startsWith("//") && line.trim() !== "");
  assert.match(outside[0]!, /^(@group|enable|struct|const|fn|var|override|diagnostic)/); // all else is WGSL
  const { op } = await json("allcnn-c", "--wgsl", "conv4/forward");
  assert.is(op.shaders.length, op.dispatches);
  for (const { code, bindings } of op.shaders) {
    assert.is(code.match(/@binding\(\d+\)/g).length, bindings.length);
  }
  const exact = await json("allcnn-c", "--wgsl", "conv4/forward", "--exact");
  assert.not.match(JSON.stringify(exact.op.tuning), /winograd/);
});

test("a run's folder, its checkpoint, and the checkpoint with --config show what the config does", async () => {
  await inFolder(async (folder) => {
    const run = `${folder}/run`, set = "network.0.conv.channels=8";
    assert.is((await allcnn(["train", "quickstart", "--epochs=0", "--set", set, "--out", run])).code, 0);
    const config = await show("quickstart", "--set", set);
    assert.is(await show(run), config);
    assert.is(await show(`${run}/checkpoint.safetensors`), config);
    mkdirSync(`${folder}/bare`);
    copyFileSync(`${run}/checkpoint.safetensors`, `${folder}/bare/checkpoint.safetensors`);
    assert.is(await show(`${folder}/bare`), config);
    assert.is(await show(run, "--config", `${run}/config.yaml`), config);
    const { stderr } = await allcnn(["show", run, "--config", "quickstart"], NO_DEVICE);
    assert.match(stderr, /^allcnn: .*conv1\/w.*\n$/);
    const { programs: [{ ops }] } = await json(run, "--batch", "8", "--program");
    assert.equal(ops.find((op: { label: string }) => op.label === "conv1/forward").writes[0].shape, [8, 32, 32, 8]);
  });
});

test("--device takes this machine's", async () => {
  const { stdout, code } = await allcnn(["show", "quickstart", "--wgsl", "conv2/forward", "--device"]);
  assert.is(code, 0);
  assert.not.match(stdout, /typical/);
  assert.match(stdout, /^\/\/ Kernels for .*Dawn/m);
});

const WRONG: [string[], RegExp][] = [
  [[], /CONFIG_OR_RUN is missing/],
  [["nothing"], /Cannot read "nothing": it does not exist; by name there are/],
  [["nothing.safetensors"], /Cannot read "nothing.safetensors": it does not exist/],
  [["tests"], /There is no run in "tests"/],
  [["quickstart", "--wgsl", "conv2/forwrad"], /no operation "conv2\/forwrad" in .*, did you mean conv2\/forward\?$/],
  [["quickstart", "--wgsl", "conv2"], /"conv2" has conv2\/forward, conv2\/dw, conv2\/dx$/],
  [["quickstart", "--wgsl", "something else"], /no operation "something else" in .*: --program lists all$/],
  [["quickstart", "--eval", "--wgsl", "conv2/dw"], /no operation "conv2\/dw" in the evaluation of 64 images/],
  [["quickstart", "--program", "--micro-batch", "7"], /micro-batches of 7/],
  [["quickstart", "--program", "--batch", "0"], /--batch expects a whole number of at least 1, got "0"/],
  [["quickstart", "--program", "--batch", "7000"], /batches of 7000: there are 6000/],
  [["quickstart", "--set", "network.4.conv={ name: conv5, channels: 8, kernel: 9 }"], /Cannot apply conv "conv5"/],
  [["quickstart", "--set", "network.5.conv.channels=7"], /ends with \[1, 1, 1, 7\]/],
];

for (const [args, message] of WRONG) {
  test(`one line of error: show ${args.join(" ")}`, async () => {
    const { code, stdout, stderr } = await allcnn(["show", ...args], NO_DEVICE);
    assert.is(code, 1);
    assert.is(stdout, "");
    assert.match(stderr, /^allcnn: [^\n]*\n$/);
    assert.match(stderr.trimEnd(), message);
  });
}

/** A line of a sample as a pattern: any width of columns, and anything for ", ...". */
const asPattern = (line: string) =>
  new RegExp(
    line.trim().replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(/, ?\\\.\\\.\\\./g, ".*").replace(/ +/g, " +"),
    "m",
  );

test("the samples in documents are what it prints", async () => {
  const samples = ["ARCHITECTURE.md", "docs/show.md"].flatMap((file) =>
    [...readFileSync(file, "utf8").matchAll(/^```\nnpx allcnn show (.*)\n\n([^`]*)```$/gm)].map(([, args, text]) => ({
      file,
      args: args!,
      lines: text!.trim().split("\n"),
    }))
  );
  assert.is(samples.length, 8);
  for (const { file, args, lines } of samples) {
    const printed = await show(...args.split(" "));
    for (const line of lines) assert.match(printed, asPattern(line), `${file}: show ${args}`);
  }
});

test.run();
