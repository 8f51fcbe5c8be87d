import { test } from "uvu";
import * as assert from "uvu/assert";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { decode } from "fast-png";
import sharp from "sharp";
import { decodeTensors } from "../../core/host/safetensors.ts";
import { generateShapes, SHAPE_CLASSES } from "../../data/datasets/shapes.ts";
import { allcnn, denoRun, inFolder, SMALL } from "./_run.ts";

const TEST = generateShapes(1, "test", 64), SIZE = 32 * 32 * 3;

interface PatchEntry {
  readonly row: number;
  readonly column: number;
  readonly unit: number;
  readonly example: number;
  readonly label: string;
  readonly activation: number;
  readonly field: { readonly top: number; readonly left: number; readonly height: number; readonly width: number };
}

const json = (path: string) => JSON.parse(readFileSync(path, "utf8"));
const tensors = async (path: string) => (await decodeTensors(Uint8Array.from(readFileSync(path)), path)).tensors;

/** Draws into `out`; returns what was printed. */
async function visualize(args: readonly string[], { code = 0, complaints = "" } = {}): Promise<string> {
  const result = await allcnn(["visualize", ...args]);
  assert.is(result.code, code, result.stderr);
  assert.match(result.stderr, complaints);
  if (complaints === "") assert.is(result.stderr.trim(), "");
  return result.stdout;
}

test("visualize draws top patches, images, units without an image and filters of a run, and says what it wrote", () =>
  inFolder(async (folder) => {
    const run = `${folder}/run`, out = `${folder}/out`, index = `${out}/index.json`;
    assert.is((await allcnn(["train", "configs/quickstart.yaml", ...SMALL, "--out", run])).code, 0);

    // Top patches: each is the part of its test image that index.json says.
    const searching = ["--layer", "conv2", "--units", "3", "--patches", "4", "--examples", "5000", "--raw"];
    const stdout = await visualize([run, ...searching, "--out", out]);
    assert.match(stdout, "There are 1000 test images, not 5000: all are searched");
    for (const name of ["conv2-top-patches.png", "conv2-top-patches.safetensors", "index.json"]) {
      assert.match(stdout, `Written: ${out}/${name}\n`);
    }
    const { patches, searched } = json(index)["conv2-top-patches.png"] as { patches: PatchEntry[]; searched: number };
    assert.equal([searched, patches.length], [1000, 12]);
    const told = readFileSync(`${out}/conv2-top-patches.txt`, "utf8").trim().split("\n").slice(-12);
    patches.forEach(({ unit, example, label }, i) =>
      assert.match(told[i]!, new RegExp(`: unit ${unit}, .* image ${example}, true ${label}, `))
    );
    const raw = await tensors(`${out}/conv2-top-patches.safetensors`), all = generateShapes(1, "test", 1000);
    for (const { unit, column, example, label, field, activation } of patches) {
      assert.is(label, SHAPE_CLASSES[all.labels[example]!]);
      const image = raw[`unit${unit}/${column}/image`]!, guided = raw[`unit${unit}/${column}/guided`]!;
      assert.equal(guided.shape, [field.height, field.width, 3]);
      const expected = Array.from(image.data, (_, i) => {
        const y = field.top + Math.floor(i / 3 / field.width), x = field.left + Math.floor(i / 3) % field.width;
        return all.images[example * SIZE + (y * 32 + x) * 3 + i % 3];
      });
      assert.equal([...image.data], expected);
      assert.ok(activation === 0 || guided.data.some((value) => value !== 0));
    }
    assert.ok(
      patches.every(({ row, activation }, i) =>
        i === 0 || row > patches[i - 1]!.row || activation <= patches[i - 1]!.activation
      ),
    );

    // Images, from the data set and from files: the same image gives the same signals; strides as pooling beside them.
    const picture = (n: number) =>
      sharp(Uint8Array.from(TEST.images.subarray(n * SIZE, (n + 1) * SIZE)), {
        raw: { width: 32, height: 32, channels: 3 },
      });
    mkdirSync(`${folder}/pictures`);
    await picture(7).png().toFile(`${folder}/pictures/seven.png`);
    await picture(7).resize(50, 40, { fit: "fill" }).png().toFile(`${folder}/large.png`);
    writeFileSync(`${folder}/bad.png`, "no image");
    const files = ["--images", `${folder}/pictures`, `${folder}/large.png`, `${folder}/bad.png`, "--index", "7,2"];
    const remarks = await visualize([
      run,
      ...files,
      "--layer",
      "globalAveragePool",
      "--unit",
      SHAPE_CLASSES[4]!,
      "--raw",
      "--out",
      out,
    ], { code: 1, complaints: "Cannot read" });
    assert.match(remarks, `${folder}/large.png: 50x40 pixels, the middle is scaled to 32x32`);
    const { images } = json(index)["globalAveragePool-images.png"];
    assert.equal(images.map(({ example }: { example: number }) => example), [7, 2, null, null]);
    assert.equal(images[0].reconstructions.map(({ rule, unit }: { rule: string; unit: number }) => [rule, unit]), [
      ...["gradient", "deconvnet", "guided", "gradient", "deconvnet", "guided"].map((rule) => [rule, 4]),
    ]);
    const signals = await tensors(`${out}/globalAveragePool-images.safetensors`);
    for (let column = 0; column < 6; column++) {
      const [number, file] = [0, 2].map((row) => signals[`${row}/${column}`]!.data);
      assert.equal(number, file);
      assert.ok(number!.some((value) => value !== 0));
    }

    // Other ways: each a column.
    await visualize([
      run,
      "--index",
      "7",
      "--layer",
      "globalAveragePool",
      "--method",
      "classMap",
      "--method",
      "gradientTimesInput",
      "--svg",
      "--overlay",
      "--no-title",
      "--out",
      `${folder}/other`,
    ]);
    const [seven] = json(`${folder}/other/index.json`)["globalAveragePool-images.svg"].images;
    assert.equal(seven.reconstructions.map(({ rule }: { rule: string }) => rule), [
      ...["classMap", "gradientTimesInput", "classMap", "gradientTimesInput"],
    ]);
    // Each picture with what its colours reach to; its title is in the text, with a line for each picture.
    const [drawn, text] = ["svg", "txt"].map((type) =>
      readFileSync(`${folder}/other/globalAveragePool-images.${type}`, "utf8")
    );
    const [title, ...lines] = text!.trim().split("\n"), said = `true ${SHAPE_CLASSES[TEST.labels[7]!]}, predicted `;
    assert.ok(!drawn!.includes(title!) && drawn!.includes(said));
    for (const line of lines.slice(-4)) {
      assert.ok(line.includes(`: test image 7, ${said}`), line);
      assert.ok(drawn!.includes(`>${/colours (±[\d.e-]+) \(activation\)$/.exec(line)![1]}</text>`), line);
    }

    // Without more: an overview.
    await visualize([run, "--out", `${folder}/overview`]);
    const overview = json(`${folder}/overview/index.json`);
    assert.equal(Object.keys(overview).sort(), ["conv1-filters.png", "globalAveragePool-images.png", "layers.png"]);
    assert.equal(overview["layers.png"].layers.at(-1).explanations.length, 4);
    assert.is(
      new Set(overview["globalAveragePool-images.png"].images.map(({ label }: { label: string }) => label)).size,
      4,
    );

    // Without an image: all units of two layers; the deconvnet of the first is its filters where they are positive.
    await visualize([run, "--without-image", "--layer", "conv1", "--layer", "conv2", "--raw", "--out", out]);
    await (denoRun(["allcnn.ts", "visualize", run, "--filters", "--raw", "--out", out]) ??
      visualize([run, "--filters", "--raw", "--out", out]));
    const units = await tensors(`${out}/conv1-conv2-without-image.safetensors`);
    const filters = await tensors(`${out}/conv1-filters.safetensors`);
    assert.is(Object.keys(filters).length, 16);
    for (const [name, { data }] of Object.entries(filters)) {
      units[`conv1/${name}`]!.data.forEach((value, i) => assert.ok(Math.abs(value - data[i]!) < 1e-6));
    }
    assert.equal(units["conv2/unit0"]!.shape, [5, 5, 3]);

    const pictures = readdirSync(out).filter((name) => name.endsWith(".png"));
    assert.equal(Object.keys(json(index)).sort(), pictures.sort());
    for (const name of pictures) assert.ok(decode(readFileSync(`${out}/${name}`)).width > 400, name);

    // What it refuses once it knows the network.
    const refused = async (args: readonly string[], message: RegExp) => {
      const { code, stderr } = await allcnn(["visualize", run, ...args, "--out", `${folder}/none`]);
      assert.is(code, 1);
      assert.match(stderr, message);
      assert.is(stderr.trim().split("\n").length, 1, stderr);
      assert.not(existsSync(`${folder}/none`));
    };
    const asked = ["--layer", "conv2", "--index", "1"];
    await refused(
      [...asked, "--method", "classmap"],
      /^allcnn: Cannot explain by "classmap": .* did you mean classMap\?$/m,
    );
    await refused([...asked, "--method", "all", "--rule", "guided"], /--rule and --method name two ways to explain/);
    await refused(["--layer", "conv2", "--method", "all"], /--method does not go with/);
    await refused(["--space", "pixels"], /--space pixels undoes a whitening, .*"quickstart" was trained without/);
    await refused(["--unit", "3"], /--unit needs --layer NAME/);
    await refused(["--layer", "conv7"], /layer "conv7".*conv1, conv2, .*globalAveragePool/);
    await refused(["--layer", "conv6", "--unit", "dog"], /unit "dog" of layer "conv6": it has units 0 to 9 \(disc, /);
    await refused(["--layer", "conv2", "--index", "1000"], /image 1000 of shapes: there are 0 to 63/);
  }));

test.run();
