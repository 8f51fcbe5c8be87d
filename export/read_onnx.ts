/** ONNX files as networks of ours: the graph is walked once, and each node becomes a layer, or a part of one. */
import { UserError } from "../core/host/errors.ts";
import type { HostTensor } from "../core/host/safetensors.ts";
import type { ImageShape } from "../data/dataset.ts";
import type { DatasetConfig } from "../data/dataset_config.ts";
import { inputShape } from "../data/datasets/mod.ts";
import type { Whitening } from "../data/whitening.ts";
import type { LayerConfig } from "../layers/layer_kind.ts";
import { attributesOf } from "./onnx_attributes.ts";
import { type Constant, CONSTANT_OPERATORS, constantOf, Unread } from "./onnx_constants.ts";
import { classesOf, datasetOf, imageOf, outputOf, titleOf, whiteningIn } from "./onnx_ends.ts";
import { decodeModel } from "./onnx_decode.ts";
import type { Model, Node } from "./onnx_messages.ts";
import { OPERATORS } from "./onnx_operators.ts";
import type { At } from "./onnx_read_layers.ts";
import { type Affine, chainOf, imageValue, type Value, whole, written } from "./onnx_values.ts";

/** What an ONNX file holds. */
export interface ReadNetwork {
  readonly layers: readonly LayerConfig[];
  /** By path, in our layout. */
  readonly params: Readonly<Record<string, HostTensor>>;
  /** The shape of an image, as the network sees it. */
  readonly image: ImageShape;
  /** How many numbers it puts out. */
  readonly outputs: number;
  /** What the file does to the image before its first layer. */
  readonly affine: Affine;
  /** What was left out, a line each. */
  readonly notes: readonly string[];
  /** Of a file that `allcnn export` wrote: its data set with preprocessing, and what was fitted for it; else null. */
  readonly dataset: DatasetConfig | null;
  readonly whitening: Whitening | null;
  /** The names of the classes, where its metadata have a list of them. */
  readonly classes: readonly string[] | null;
}

/** More nodes than any network that is a list of at most 1000 layers. */
const MOST_NODES = 20_000;
/** Before it, sums and products said in another way what goes with what. */
const OLDEST = 7;
/** How many nodes are named that cannot be read. */
const MOST_NAMED = 10;

const PREPROCESS = "preprocess/", OPTIONAL = "";

const isConstant = (value: Value | Constant): value is Constant => "data" in value;

/** What a layer might be called after its node, or after its weights: "/layer1/conv1/Conv", "conv1.weight". */
function nameOf({ name, opType, input }: Node): string {
  const parts = (text: string) => text.split("/").filter((part) => part !== "");
  const own = parts(name).filter((part, index, all) =>
    index < all.length - 1 || !(part.startsWith(opType) || ["z", "shortcut", "y"].includes(part))
  );
  const weights = /^(?!onnx::)(.+)[./](weight|w|kernel)$/i.exec(input[1] ?? "")?.[1] ?? "";
  return (own.at(-1) ?? parts(weights).at(-1) ?? "").replace(/^network$/, "");
}

/** The nodes that `output` depends on, in the order of the file. */
function needed(nodes: readonly Node[], output: string, given: ReadonlySet<string>): Node[] {
  const writers = new Map(nodes.flatMap((node) => node.output.map((name) => [name, node] as const)));
  const found = new Set<Node>(), left = [output];
  for (let name = left.pop(); name !== undefined; name = left.pop()) {
    const node = writers.get(name);
    if (node === undefined || given.has(name) || found.has(node)) continue;
    found.add(node);
    left.push(...node.input);
  }
  return nodes.filter((node) => found.has(node));
}

/** What is not known of nodes, before anything is read; a line names them all. */
function refuseUnknown(nodes: readonly Node[], cannot: string): void {
  const flaws = nodes.flatMap((node) => {
    const { opType, domain = "" } = node, operator = Object.hasOwn(OPERATORS, opType) ? OPERATORS[opType]! : null;
    const known = operator !== null || opType === "Constant" || Object.hasOwn(CONSTANT_OPERATORS, opType);
    if (!known || !["", "ai.onnx"].includes(domain)) return [`${titleOf(node)} is of no kind that allcnn has`];
    const flaw = operator?.flaw?.(attributesOf(node)) ?? null;
    return flaw === null ? [] : [`${titleOf(node)} ${flaw}`];
  });
  if (flaws.length === 0) return;
  const more = flaws.length > MOST_NAMED ? `; and ${flaws.length - MOST_NAMED} more` : "";
  throw new UserError(`${cannot}: ${flaws.slice(0, MOST_NAMED).join("; ")}${more}`);
}

/**
 * The network in the bytes of an ONNX file; `input` is the shape of its images, where the file leaves it open. Throws
 * `UserError`, naming `source` and every node of a kind that we have not, where it cannot be read.
 */
export function readOnnx(bytes: Uint8Array, source: string, input: ImageShape | null = null): ReadNetwork {
  const cannot = `Cannot read "${source}"`;
  try {
    return read(decodeModel(bytes, source), cannot, input);
  } catch (error) {
    if (error instanceof RangeError && /call stack/.test(error.message)) {
      throw new UserError(`${cannot}: its layers lie too deep in one another`);
    }
    throw error instanceof Unread ? new UserError(`${cannot}: ${error.message}`) : error;
  }
}

function read(model: Model, cannot: string, input: ImageShape | null): ReadNetwork {
  const { graph } = model, notes: string[] = [], dataset = datasetOf(model);
  const version = model.opsetImport.find(({ domain }) => ["", "ai.onnx"].includes(domain))?.version ?? OLDEST;
  if (version < OLDEST) throw new Unread(`it is of opset ${version} of ONNX, ${OLDEST} and newer can be read`);
  if (graph.node.length > MOST_NODES) {
    throw new Unread(`it has ${graph.node.length} nodes, at most ${MOST_NODES} are read`);
  }
  const { name, image: given, batch } = imageOf(model, input, cannot), output = outputOf(model, notes);
  // What one of our own files does before the network is said by its data set.
  const prepared = dataset === null ? [] : graph.node.filter((node) => node.name.startsWith(PREPROCESS));
  const ready = prepared.at(-1)?.output[0] ?? name, image = prepared.length === 0 ? given : inputShape(dataset!);
  const nodes = needed(graph.node, output, new Set([ready])), names = nodes.flatMap((node) => node.input);
  refuseUnknown(nodes, cannot);

  const stored = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  const values = new Map<string, Value | Constant>([[ready, imageValue(image)]]), uses = new Map<string, number>();
  for (const each of [...names, output]) uses.set(each, (uses.get(each) ?? 0) + 1);

  const find = (name: string): Value | Constant => {
    const found = values.get(name), tensor = stored.get(name);
    if (found === undefined && tensor === undefined) throw new Unread(`reads ${name}, which nothing before it writes`);
    if (found === undefined) values.set(name, constantOf(tensor!));
    return values.get(name)!;
  };

  function evaluated(node: Node): Value | Constant {
    const { opType } = node, attributes = attributesOf(node);
    if (opType === "Constant") return literal(node);
    const all = node.input.map((each) => each === OPTIONAL ? null : find(each));
    const constants = all.filter((each) => each !== null && isConstant(each));
    if (constants.length === all.length && all.length > 0 && Object.hasOwn(CONSTANT_OPERATORS, opType)) {
      return CONSTANT_OPERATORS[opType]!(constants as Constant[], attributes);
    }
    if (!Object.hasOwn(OPERATORS, opType)) throw new Unread("can only be read of constants");
    const constant = (index: number) => {
      const each = all[index] ?? null;
      return each !== null && isConstant(each) ? each : null;
    };
    const at: At = {
      ...{ attributes, name: nameOf(node), batch, constant, sole: uses.get(node.input[0] ?? "") === 1 },
      value(index) {
        const each = all[index] ?? null;
        if (each === null || isConstant(each)) {
          throw new Unread("reads a constant where it should read what the image became");
        }
        return each;
      },
      weights(index) {
        const each = constant(index);
        if (each === null) throw new Unread(`has weights that are no constants (input ${index + 1})`);
        return each;
      },
    };
    return OPERATORS[opType]!.read(at);
  }

  for (const node of nodes) {
    try {
      values.set(node.output[0] ?? "", evaluated(node));
    } catch (error) {
      if (!(error instanceof Unread || error instanceof UserError)) throw error;
      throw new UserError(
        `${cannot}: ${titleOf(node)} ${error instanceof Unread ? error.message : `cannot be read: ${error.message}`}`,
      );
    }
  }
  const end = find(output);
  if (isConstant(end)) throw new Unread("its output does not depend on its image");
  const [rows, columns, outputs] = whole(end).shape;
  if (rows * columns !== 1) {
    throw new Unread(`its output is a map of ${rows}x${columns}, a classifier ends with one pixel`);
  }
  const { entries: layers, params } = written(chainOf(end.link)), left = new Set([...names, output]);
  for (const { name } of prepared.length > 0 ? [] : graph.output) {
    if (!left.has(name) && !notes.some((note) => note.includes(name))) notes.push(`output ${name} is left out`);
  }
  const own = prepared.length > 0
    ? { dataset, whitening: whiteningIn(stored, (name) => find(name) as Constant) }
    : { dataset: null, whitening: null };
  return { layers, params, image, outputs, affine: end.affine, notes, ...own, classes: classesOf(model) };
}

/** What a node of constants says. */
function literal(node: Node): Constant {
  const attributes = attributesOf(node), tensor = attributes.find("value")?.t;
  if (tensor !== undefined) return constantOf(tensor);
  const list = (data: readonly number[]): Constant => ({ dims: [data.length], data });
  for (const name of ["value_float", "value_int"]) {
    const { f, i } = attributes.find(name) ?? {};
    if (attributes.has(name)) return { dims: [], data: [f ?? i ?? 0] };
  }
  return list(attributes.find("value_floats")?.floats ?? attributes.ints("value_ints", []));
}
