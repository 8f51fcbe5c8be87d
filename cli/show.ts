/** `allcnn show`: what happens to a config, from its layers to the shaders of one operation. Computes nothing. */
import { loadConfig, parseConfig } from "../configs/load.ts";
import type { Config } from "../configs/schema.ts";
import { type Context, openDevice } from "../core/device/device.ts";
import { contextWithoutDevice, TYPICAL_GPU } from "../core/device/context_without_device.ts";
import { defaultTuner } from "../core/graph/tuner.ts";
import { UserError } from "../core/host/errors.ts";
import { exists, isDirectory } from "../core/host/files.ts";
import { didYouMean } from "../core/kinds/nearest.ts";
import { print } from "../core/host/process.ts";
import { cachedTuner } from "../core/tune/tune.ts";
import { openTuneCache } from "../core/tune/tune_cache.ts";
import { networkInfo } from "../explain/network_info.ts";
import { layerTable } from "../report/layer_table.ts";
import { memoryInfo, memoryMap } from "../report/memory_map.ts";
import { opInfos, opList } from "../report/op_list.ts";
import { shaderInfos, shaderListing } from "../report/shader_listing.ts";
import { select } from "../training/checkpoint.ts";
import { inputShape } from "../data/datasets/mod.ts";
import { type LaidOut, layOutPrograms } from "../training/lay_out_programs.ts";
import { type Definition, specsOf } from "../training/definition.ts";
import { noConfig, openAny } from "../training/model_file.ts";
import { isShippedModel } from "../training/shipped_model.ts";
import { type Arguments, CONFIG_DETAILS, SET_OPTION } from "./arguments.ts";
import type { Command } from "./command.ts";
import { progressLine } from "./progress.ts";

export const show: Command = {
  usage: {
    command: "show",
    positionals: ["CONFIG_OR_RUN"],
    summary: "Shows a network: its layers, the program that trains it, memory, shaders. Computes nothing.",
    details:
      `${CONFIG_DETAILS}\nA run's folder, a checkpoint or demo, the trained network that comes along, will do as well.\n\n` +
      "Kernels are chosen for a typical GPU, each kernel's default; with --device, for the one of this machine, from\n" +
      "what the tuner has found there.",
    options: [
      { name: "program", value: null, help: "the operations of a training step: what each reads and writes" },
      { name: "memory", value: null, help: "which tensors of that program share memory, and when each lives" },
      { name: "wgsl", value: "OP", help: "the shaders of one of its operations, as conv1/forward" },
      { name: "eval", value: null, help: "of these three: for a batch of evaluation instead of a training step" },
      { name: "json", value: null, help: "all that is asked for as one JSON object" },
      { name: "batch", value: "N", help: "examples per step; default: the config's" },
      { name: "micro-batch", value: "N", help: "examples at a time; default: the whole batch, or as many as fit" },
      SET_OPTION,
      { name: "device", value: null, help: "choose kernels for the device of this machine" },
      { name: "exact", value: null, help: "only kernels that sum the products of the definition, so no Winograd" },
      { name: "config", value: "CONFIG", help: "the network's config, for a checkpoint that carries none" },
    ],
  },
  run: showCommand,
};

async function showCommand(args: Arguments): Promise<number> {
  const json = args.flag("json"), wgsl = args.text("wgsl");
  const asked = { program: args.flag("program"), memory: args.flag("memory"), wgsl: wgsl !== null };
  const any = Object.values(asked).includes(true), definition = any ? await configOf(args) : await definitionFor(args);
  const { title, input, classes, layers } = networkTable(definition), coded = "input" in definition;
  if (coded || !any) {
    const { name: config } = coded ? definition.network : definition;
    if (json) print(JSON.stringify({ config, input, classes, layers }, null, 2));
    else print([title, "", layerTable(input, layers), "", LEGEND, "", MORE].join("\n"));
    return 0;
  }
  const config = definition;
  const context = await contextOf(args), exact = args.flag("exact") ? ", exact" : "";
  const programs = await programsOf(context, config, args);
  context.close();
  const op = wgsl === null ? null : findOp(programs, wgsl);
  const sections = programs.map(({ name, runs, params, layout }) => ({
    name,
    runs,
    ...(asked.program ? { ops: opInfos(layout, params) } : {}),
    ...(asked.memory ? { memory: memoryInfo(layout) } : {}),
  }));
  const shaders = op === null ? [] : shaderInfos(op.chosen, op.info);
  if (json) {
    const device = context.description, shown = op === null ? {} : { op: { ...op.info, shaders } };
    print(JSON.stringify({ config: config.name, input, classes, device, programs: sections, ...shown }, null, 2));
    return 0;
  }
  const about = `Kernels for ${context.description}${exact}`, text: string[] = [];
  if (asked.program || asked.memory) text.push(`${title}\n${about}`);
  for (const { name, runs, ops, memory } of sections) {
    const heading = `${name[0]!.toUpperCase()}${name.slice(1)}${runs === 1 ? "" : `, ${runs} times`}`;
    if (ops !== undefined) text.push(`${heading}: ${ops.length} operations`, opList(ops));
    if (memory !== undefined) text.push(`${heading}: memory`, memoryMap(memory));
  }
  if (op !== null) text.push(`// ${title}\n// ${about}\n${shaderListing(op.info, shaders)}`);
  print(text.join("\n\n"));
  return 0;
}

/** A line about a network, and its layers. Throws `UserError` where their shapes do not fit. */
export function networkTable(definition: Definition | Config) {
  const { classes } = specsOf(definition), coded = "input" in definition;
  const name = coded ? definition.network.name : definition.name, from = coded ? "" : ` (${definition.dataset.name})`;
  const input = coded ? definition.input : inputShape(definition.dataset);
  const title = `${name}: images of ${input.join("x")}${from}, ${classes} classes`;
  return { title, input, classes, layers: networkInfo(definition) };
}

/** What the columns of a network's table mean. */
export const LEGEND =
  "Multiplications are those with weights, for one image on its way forward. A unit of a layer sees so many pixels of\n" +
  "the image, padding included; what its neighbour sees lies so many pixels apart.";
const MORE =
  "--program shows what the device does in a training step, --memory where it keeps the tensors, --wgsl OP the shaders\n" +
  "of one operation.";

/** The config that the command line names. Throws `UserError` where a checkpoint has none. */
async function configOf(args: Arguments): Promise<Config> {
  const definition = await definitionFor(args);
  if ("input" in definition) throw noConfig(args.positional(0)!);
  return definition;
}

/** What the command line names: a config itself, that of a run, or what a checkpoint carries and fits. */
async function definitionFor(args: Arguments): Promise<Definition | Config> {
  const path = args.positional(0)!, named = args.text("config"), batch = args.integer("batch", 1);
  const settings = [...args.list("set"), ...(batch === null ? [] : [`training.batch=${batch}`])];
  const folder = await isDirectory(path);
  if (named === null && folder && await exists(`${path}/config.yaml`)) {
    return await loadConfig(`${path}/config.yaml`, settings);
  }
  const trained = path.endsWith(".safetensors") || await isShippedModel(path);
  if (named === null && !folder && !trained) return await loadConfig(path, settings);
  const given = named === null ? null : await loadConfig(named);
  const { checkpoint, definition } = await openAny(path, given, progressLine({ toError: true }).line);
  select(checkpoint, specsOf(definition).saved, path);
  if (settings.length === 0) return definition;
  if ("input" in definition) throw noConfig(path);
  return parseConfig(JSON.stringify(definition), path, settings);
}

async function contextOf(args: Arguments): Promise<Context> {
  const exact = args.flag("exact");
  return args.flag("device")
    ? await openDevice({ exact })
    : contextWithoutDevice({ ...TYPICAL_GPU, exact }, "a typical GPU, --device takes this machine's");
}

async function programsOf(context: Context, config: Config, args: Arguments): Promise<LaidOut[]> {
  const mode = args.flag("eval") ? "eval" : "train", microBatch = args.integer("micro-batch", 1);
  const { line } = progressLine({ toError: true });
  const tuner = args.flag("device")
    ? cachedTuner(context, await openTuneCache(context.scope, line), line)
    : defaultTuner(context.limits);
  return await layOutPrograms(context, config, { mode, microBatch, tuner });
}

/** The op of a label. Throws `UserError` that names those of the same layer, or the nearest. */
function findOp(programs: readonly LaidOut[], label: string) {
  const all = programs.flatMap(({ layout, params }) => {
    const infos = opInfos(layout, params);
    return layout.chosen.map((chosen, index) => ({ chosen, info: infos[index]! }));
  });
  const found = all.find(({ info }) => info.label === label);
  if (found !== undefined) return found;
  const labels = all.map(({ info }) => info.label), layer = labels.filter((each) => each.startsWith(`${label}/`));
  throw new UserError(
    `There is no operation "${label}" in the ${programs[0]!.name}${
      layer.length > 0 ? `: "${label}" has ${layer.join(", ")}` : didYouMean(label, labels) || ": --program lists all"
    }`,
  );
}
