/** `allcnn export`: a trained network as files of other tools. Needs no device. */
import { loadConfig } from "../configs/load.ts";
import { openDevice } from "../core/device/device.ts";
import { UserError } from "../core/host/errors.ts";
import { encodeTensors } from "../core/host/safetensors.ts";
import { isDirectory, writeFile } from "../core/host/files.ts";
import type { DatasetConfig } from "../data/dataset_config.ts";
import { imageShape } from "../data/datasets/mod.ts";
import { isFitted } from "../data/transforms/mod.ts";
import { hubConfig, type HubModel, modelCard } from "../export/hub.ts";
import { onnxModel } from "../export/onnx.ts";
import { toPytorch } from "../export/pytorch.ts";
import { pytorchCode } from "../export/pytorch_code.ts";
import { definitionOf, specsOf } from "../training/definition.ts";
import { openAny, savedWhitening } from "../training/model_file.ts";
import { readMetrics } from "../training/run_records.ts";
import { whiteningFor } from "../training/preprocess.ts";
import type { Arguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import { DATA_OPTION, dataFolder } from "./data_folder.ts";
import { FORCE, layoutOf, paramsOf, refuseExisting, writeParams } from "./parameter_files.ts";
import { refuseTwice } from "./replaceable.ts";
import { classesOf, CONFIG_OPTION } from "./open_trained.ts";
import { type ProgressLine, progressLine } from "./progress.ts";

export const exportCommand: Command = {
  usage: {
    command: "export",
    positionals: ["RUN_OR_CHECKPOINT"],
    summary: "Writes a trained network for other tools.",
    options: [
      { name: "onnx", value: "FILE", help: "network and preprocessing as ONNX: raw pixels in, logits out" },
      { name: "safetensors", value: "FILE", help: "the parameters alone" },
      { name: "layout", value: "LAYOUT", help: "of that file: allcnn, or pytorch for a Sequential; default: allcnn" },
      { name: "torch", value: "FILE", help: "Python code of that Sequential and of the preprocessing" },
      { name: "hub", value: "DIR", help: "a folder for huggingface.co: parameters, config.json and a model card" },
      FORCE,
      CONFIG_OPTION,
      DATA_OPTION,
    ],
  },
  run: exportFiles,
};

async function exportFiles(args: Arguments): Promise<number> {
  const screen = progressLine(), path = args.positional(0)!, configPath = args.text("config"), layout = layoutOf(args);
  const onnx = args.text("onnx"), safetensors = args.text("safetensors"), torch = args.text("torch");
  const hub = args.text("hub"), hubFile = hub === null ? null : `${hub}/model.safetensors`;
  const files = [onnx, safetensors, torch, hubFile].filter((file) => file !== null);
  if (files.length === 0) {
    throw new UserError("Nothing to export: add --onnx FILE, --safetensors FILE, --torch FILE or --hub DIR");
  }
  if (args.text("layout") !== null && safetensors === null) {
    throw new UserError("--layout is of --safetensors FILE, add it");
  }
  await refuseTwice(files);
  await refuseExisting(args, files);

  const given = configPath === null ? null : await loadConfig(configPath);
  const { checkpoint, definition } = await openAny(path, given, screen.line), coded = "input" in definition;
  const { saved: specs } = specsOf(definition), classes = await classesOf(path, definition);
  const { network, input } = coded ? definition : definitionOf(definition);
  const dataset = coded ? null : definition.dataset, image = dataset === null ? input : imageShape(dataset);
  const params = paramsOf(checkpoint, specs, path), saved = await savedWhitening(checkpoint, path, definition);
  const trained = { network, dataset, params, image, classes };
  if (onnx !== null) {
    const whitening = saved ?? (dataset === null ? null : await fittedWhitening(dataset, args, screen));
    await writeFile(onnx, onnxModel({ ...trained, whitening }));
  }
  if (safetensors !== null && layout === "pytorch") {
    const tensors = toPytorch(params, network, input);
    await writeFile(safetensors, await encodeTensors({ metadata: { format: "pt" }, tensors }));
  } else if (safetensors !== null) {
    const { architecture } = checkpoint, origin = coded ? { config: null, architecture } : { config: definition };
    await writeParams(safetensors, origin, params, saved);
  }
  if (hub !== null) {
    const { architecture } = checkpoint, rows = await isDirectory(path) ? await readMetrics(path) : [];
    const last = rows.findLast(({ testError }) => testError !== null);
    const result = last === undefined ? null : { testError: last.testError!, epochs: last.epoch };
    const model: HubModel = {
      ...trained,
      result,
      definition: coded ? architecture : definition,
      whitens: saved !== null,
    };
    await writeParams(hubFile!, coded ? { config: null, architecture } : { config: definition }, params, saved);
    await writeFile(`${hub}/config.json`, hubConfig(model));
    await writeFile(`${hub}/README.md`, modelCard(model));
  }
  if (torch !== null) await writeFile(torch, pytorchCode(trained));
  for (const file of files) screen.line(`Wrote ${file}`);
  return 0;
}

/** The whitening that the config asks for where none was saved: from the cache, or fitted on a device. */
async function fittedWhitening(config: DatasetConfig, args: Arguments, screen: ProgressLine) {
  if (!isFitted(config)) return null;
  const source = { config, directory: await dataFolder(args, config, screen) };
  const context = await openDevice();
  const whitening = await whiteningFor(context, source, screen.report);
  context.close();
  return whitening;
}
