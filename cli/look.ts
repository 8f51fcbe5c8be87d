/** `allcnn look`: a network out of an ONNX file: what it is to us, and a checkpoint that all other commands take. */
import { UserError } from "../core/host/errors.ts";
import { exists, isDirectory, readFile, readText } from "../core/host/files.ts";
import { print } from "../core/host/process.ts";
import type { ImageShape } from "../data/dataset.ts";
import { datasetKinds, type DatasetName } from "../data/datasets/mod.ts";
import { onnxNetwork } from "../export/onnx_config.ts";
import { layerTable } from "../report/layer_table.ts";
import { architectureOf } from "../training/architecture.ts";
import { specsOf } from "../training/definition.ts";
import { codedOf } from "../training/onnx_model.ts";
import type { Arguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import { commandLine } from "./command_line.ts";
import { FORCE, paramsOf, refuseExisting, writeParams } from "./parameter_files.ts";
import { LEGEND, networkTable } from "./show.ts";

export const look: Command = {
  usage: {
    command: "look",
    positionals: ["FILE"],
    summary: "Reads a network of ONNX: shows its layers, and makes a checkpoint of it.",
    details:
      "FILE is a model of ONNX, as PyTorch and others export it: convolutions, pooling, batch normalization, residuals,\n" +
      "activations and dense layers. What allcnn has not is named, node by node. With --out, predict, visualize, serve,\n" +
      "evaluate and export work on the checkpoint; the values of a pixel are value / 255, minus --mean, divided by --std.",
    options: [
      { name: "out", value: "FILE", help: "write a checkpoint, a safetensors file" },
      { name: "classes", value: "NAMES", help: "the names of the classes: a,b,c, or a file with a line for each" },
      { name: "mean", value: "N,N,N", help: "subtracted from red, green and blue, or one number; default: 0" },
      { name: "std", value: "N,N,N", help: "what is left is divided by it; default: 1" },
      { name: "white", value: "N", help: "the value of white before that, 1 or 255; default: 1" },
      { name: "input", value: "HxWxC", help: "the shape of its images, as 224x224x3, where the file leaves it open" },
      {
        name: "short-side",
        value: "N",
        help: "pictures are scaled to it before the middle is cut out, as 256 for 224",
      },
      { name: "dataset", value: "NAME", help: "what it was trained on, as cifar10; default: a folder of pictures" },
      FORCE,
    ],
  },
  run: lookCommand,
};

/** The value of an option as numbers. Throws `UserError` where it is something else. */
function numbers(args: Arguments, name: string, separator: string): number[] | undefined {
  const text = args.text(name);
  if (text === null) return undefined;
  const values = text.split(separator).map((part) => part.trim() === "" ? NaN : Number(part));
  if (values.every(Number.isFinite)) return values;
  throw new UserError(
    `--${name} expects numbers, as ${separator === "x" ? "224x224x3" : "0.5,0.5,0.5"}, got "${text}"`,
  );
}

function inputIn(args: Arguments): ImageShape | undefined {
  const sizes = numbers(args, "input", "x");
  if (sizes === undefined || sizes.length === 3 && sizes.every((size) => Number.isInteger(size) && size > 0)) {
    return sizes as ImageShape | undefined;
  }
  throw new UserError(`--input expects height x width x channels, as 224x224x3, got "${args.text("input")}"`);
}

async function classesIn(args: Arguments): Promise<string[] | undefined> {
  const text = args.text("classes");
  if (text === null) return undefined;
  const lines = await exists(text) ? (await readText(text)).split(/\r?\n/) : text.split(",");
  return lines.map((line) => line.trim()).filter((line) => line !== "");
}

async function lookCommand(args: Arguments): Promise<number> {
  const path = args.positional(0)!, out = args.text("out"), input = inputIn(args);
  const dataset = args.word("dataset", datasetKinds.keys as readonly DatasetName[]) ?? undefined;
  if (out !== null && await isDirectory(out)) {
    throw new UserError(`Cannot write "${out}": it is a folder, name a file, as ${out}/model.safetensors`);
  }
  if (out !== null) await refuseExisting(args, [out]);
  const network = onnxNetwork(await readFile(path), path, {
    ...{ input, dataset, classes: await classesIn(args) },
    ...{ mean: numbers(args, "mean", ","), std: numbers(args, "std", ","), white: numbers(args, "white", ",")?.[0] },
    shortSide: args.integer("short-side", 1) ?? undefined,
  });
  const { config, notes, whitening } = network, coded = codedOf(network), definition = config ?? coded;
  const { title, input: image, layers } = networkTable(definition);
  const params = paramsOf({ tensors: network.params }, specsOf(definition).saved, path);
  print([title, "", layerTable(image, layers), "", LEGEND, ...(notes.length > 0 ? ["", ...notes] : [])].join("\n"));
  if (out === null) return 0;
  const origin = config === null ? { config, ...architectureOf({ ...coded, config }) } : { config };
  await writeParams(out, origin, params, whitening);
  print(`\nWrote ${out}; look at it with: ${commandLine("serve", [out])}`);
  return 0;
}
