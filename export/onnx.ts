/** Trained networks as ONNX models, from raw pixels to probabilities: input and output are described at `onnxModel`. */
import { canvasOf, margins } from "../data/canvas.ts";
import { transformsOf } from "../data/transforms/mod.ts";
import { addNodes, type Graph, onnxGraph } from "./onnx_graph.ts";
import { onnxLayers } from "./onnx_layers.ts";
import { DATA_TYPE, type ValueInfo } from "./onnx_messages.ts";
import { encodeModel } from "./onnx_proto.ts";
import { inputWords, seenShape, type TrainedNetwork } from "./trained_network.ts";

/** Operators of ONNX 1.12 (2022), which runtimes of today all have; a file of it says IR version 8. */
const OPSET = 17, IR_VERSION = 8;

/** Preprocessed images in the middle of their canvas, where there is one. */
function onCanvas({ node, floats, integers }: Graph, x: string, { dataset, image }: TrainedNetwork): string {
  const canvas = dataset === null ? null : canvasOf(dataset);
  if (canvas === null) return x;
  const rows = margins(canvas, image[0]), columns = margins(canvas, image[1]);
  const pads = integers("preprocess/margins", [0, 0, rows.before, columns.before, 0, 0, rows.after, columns.after]);
  return node("Pad", "preprocess/canvas", [x, pads, floats("preprocess/background", [], [canvas.background])]);
}

/** The transforms of the config, each with nodes and constants of its own. */
function preprocess(graph: Graph, { dataset, image, whitening }: TrainedNetwork): string {
  const transforms = dataset === null ? [] : transformsOf(dataset);
  return transforms.reduce((x, { kind, options }, index) => {
    const { nodes, constants } = kind.onnx(options, image, whitening), prefix = `preprocess/${kind.key}${index + 1}`;
    const names = new Map([["x", x]]);
    for (const [key, constant] of Object.entries(constants)) {
      const name = `${prefix}/${key}`;
      if ("floats" in constant) graph.floats(name, constant.dims, constant.floats);
      else graph.integers(name, constant.integers);
      names.set(key, name);
    }
    return addNodes(graph, nodes, names, prefix);
  }, "image");
}

function floatValue(name: string, docString: string, sizes: readonly number[]): ValueInfo {
  const dim = [{ dimParam: "N" }, ...sizes.map((dimValue) => ({ dimValue }))];
  return { name, docString, type: { tensorType: { elemType: DATA_TYPE.float, shape: { dim } } } };
}

/**
 * The bytes of an ONNX file with the network and its preprocessing. Input: `image`, float32 [N, channels, height, width],
 * raw pixels 0 ... 255, red first; of a network built in code what it was trained on. Outputs: `logits` and `probabilities`, float32 [N, classes]. The names of the classes
 * are a JSON list under `classes` in the metadata; under `dataset` is that of the config, for `readOnnx`. Throws `UserError` where the shapes do not fit.
 */
export function onnxModel(trained: TrainedNetwork): Uint8Array {
  const { network, dataset, image, classes, params } = trained, [height, width, channels] = image, graph = onnxGraph();
  const x = onCanvas(graph, preprocess(graph, trained), trained);
  const y = onnxLayers(graph, { network, x, input: seenShape(trained), params });
  graph.node("Flatten", "logits", [y], { axis: { i: 1 } });
  graph.node("Softmax", "probabilities", ["logits"], { axis: { i: 1 } });
  return encodeModel({
    irVersion: IR_VERSION,
    opsetImport: [{ domain: "", version: OPSET }],
    producerName: "allcnn",
    docString: `${network.name}${dataset === null ? "" : `, trained on ${dataset.name}`}`,
    graph: {
      name: network.name,
      node: graph.nodes,
      initializer: graph.constants,
      input: [floatValue("image", inputWords(trained), [channels, height, width])],
      output: [
        floatValue("logits", "before the softmax", [classes.length]),
        floatValue("probabilities", "softmax of the logits", [classes.length]),
      ],
    },
    metadataProps: Object.entries({ classes, ...(dataset === null ? {} : { dataset }) }).map(([key, value]) => {
      return { key, value: JSON.stringify(value) };
    }),
  });
}
