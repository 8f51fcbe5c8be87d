/** `allcnn import`: a checkpoint of ours from a safetensors file of PyTorch, or from one that carries no config. */
import { loadConfig } from "../configs/load.ts";
import { UserError } from "../core/host/errors.ts";
import { decodeTensors } from "../core/host/safetensors.ts";
import { elements } from "../core/graph/tensor.ts";
import { isDirectory, readFile } from "../core/host/files.ts";
import { imageShape } from "../data/datasets/mod.ts";
import { isFitted } from "../data/transforms/mod.ts";
import { decodeWhitening } from "../data/whitening_file.ts";
import { fromPytorch } from "../export/pytorch.ts";
import { definitionOf, specsOf } from "../training/definition.ts";
import type { Arguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import { FORCE, layoutOf, paramsOf, refuseExisting, writeParams } from "./parameter_files.ts";
import { progressLine } from "./progress.ts";

export const importCommand: Command = {
  usage: {
    command: "import",
    positionals: ["FILE"],
    summary: "Turns the parameters of another tool into a checkpoint.",
    options: [
      { name: "config", value: "CONFIG", help: "the config of the network, a file or a name as allcnn-c" },
      { name: "out", value: "FILE", help: "where to write the checkpoint, a safetensors file" },
      { name: "layout", value: "LAYOUT", help: "names and order of the tensors: allcnn or pytorch; default: allcnn" },
      { name: "whitening", value: "FILE", help: "the whitening.safetensors of its run, kept beside the checkpoint" },
      FORCE,
    ],
  },
  run: importFile,
};

async function importFile(args: Arguments): Promise<number> {
  const screen = progressLine(), path = args.positional(0)!, layout = layoutOf(args);
  const configPath = args.text("config"), out = args.text("out"), whiteningPath = args.text("whitening");
  if (configPath === null) {
    throw new UserError("--config CONFIG is missing: the config of the network, as allcnn-c");
  }
  if (out === null) throw new UserError("--out FILE is missing: where to write the checkpoint, as model.safetensors");
  if (await isDirectory(out)) {
    throw new UserError(`Cannot write "${out}": it is a folder, name a file, as ${out}/model.safetensors`);
  }
  await refuseExisting(args, [out]);
  const config = await loadConfig(configPath),
    { saved: specs } = specsOf(config),
    { network, input } = definitionOf(config);
  if (whiteningPath !== null && !isFitted(config.dataset)) {
    throw new UserError(`Cannot use --whitening ${whiteningPath}: the config "${configPath}" has nothing that whitens`);
  }
  const whitening = whiteningPath === null
    ? null
    : await decodeWhitening(await readFile(whiteningPath), whiteningPath, elements(imageShape(config.dataset)));
  const { tensors } = await decodeTensors(await readFile(path), path);
  if (args.text("layout") === null && Object.keys(tensors).some((name) => /(^|\.)(weight|bias)$/.test(name))) {
    throw new UserError(`The tensors of "${path}" have PyTorch's names: add --layout pytorch`);
  }
  const params = layout === "allcnn"
    ? paramsOf({ tensors }, specs, path)
    : fromPytorch(tensors, { network, image: input, specs, source: path, line: screen.line });
  await writeParams(out, { config }, params, whitening);
  screen.line(`Wrote ${out}`);
  return 0;
}
