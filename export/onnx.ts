/** Trained networks as ONNX models, from raw pixels to probabilities: input and output are described at `onnxModel`. */
import { canvasOf, margins } from "../configs/canvas.ts";
import { UserError } from "../core/host/errors.ts";
import { type Graph, onnxGraph } from "./onnx_graph.ts";
import { onnxLayers } from "./onnx_layers.ts";
import { DATA_TYPE, encodeModel, type ValueInfo } from "./onnx_proto.ts";
import { seenShape, type TrainedNetwork } from "./trained_network.ts";

/** Operators of ONNX 1.12 (2022), which runtimes of today all have; a file of it says IR version 8. */
const OPSET = 17, IR_VERSION = 8;

/** As `globalContrastNormalize` (data/gcn.ts): x - mean, by norm / scale, unless that is below 1e-8. */
function contrastNormalize({ node, floats }: Graph, name: string, x: string, scale: number): string {
  const overImage = { axes: { ints: [1, 2, 3] }, keepdims: { i: 1 } };
  const centred = node("Sub", `${name}/centred`, [x, node("ReduceMean", `${name}/mean`, [x], overImage)]);
  const length = node("ReduceL2", `${name}/length`, [centred], overImage);
  const norm = node("Div", `${name}/norm`, [length, floats(`${name}/scale`, [], [scale])]);
  const tiny = node("Less", `${name}/flat`, [norm, floats(`${name}/least`, [], [1e-8])]);
  const divisor = node("Where", `${name}/divisor`, [tiny, floats(`${name}/one`, [], [1]), norm]);
  return node("Div", name, [centred, divisor]);
}

/** (x - mean) P on images as rows of height, width, channels, which is how the whitening was fitted. */
function whiten({ node, floats, integers }: Graph, x: string, { whitening, image }: TrainedNetwork): string {
  const size = image[0] * image[1] * image[2];
  if (whitening === null || whitening.mean.length !== size) {
    throw new UserError(
      `Cannot export the whitening: it has ${whitening?.mean.length ?? 0} values, an image [${
        image.join(", ")
      }] has ${size}`,
    );
  }
  const last = node("Transpose", "preprocess/zca/nhwc", [x], { perm: { ints: [0, 2, 3, 1] } });
  const rows = node("Reshape", "preprocess/zca/rows", [last, integers("preprocess/zca/rows_shape", [-1, size])]);
  const centred = node("Sub", "preprocess/zca/centred", [rows, floats("preprocess/zca/mean", [size], whitening.mean)]);
  const white = node("MatMul", "preprocess/zca/product", [
    centred,
    floats("preprocess/zca/matrix", [size, size], whitening.matrix),
  ]);
  const images = node("Reshape", "preprocess/zca/images", [
    white,
    integers("preprocess/zca/images_shape", [-1, ...image]),
  ]);
  return node("Transpose", "preprocess/zca", [images], { perm: { ints: [0, 3, 1, 2] } });
}

/** (x - subtract) / divide */
function scale({ node, floats }: Graph, name: string, x: string, by: { subtract: number; divide: number }): string {
  const centred = node("Sub", `${name}/centred`, [x, floats(`${name}/subtract`, [], [by.subtract])]);
  return node("Div", name, [centred, floats(`${name}/divide`, [], [by.divide])]);
}

/** Preprocessed images in the middle of their canvas, where there is one. */
function onCanvas({ node, floats, integers }: Graph, x: string, { dataset, image }: TrainedNetwork): string {
  const canvas = dataset === null ? null : canvasOf(dataset);
  if (canvas === null) return x;
  const rows = margins(canvas, image[0]), columns = margins(canvas, image[1]);
  const pads = integers("preprocess/margins", [0, 0, rows.before, columns.before, 0, 0, rows.after, columns.after]);
  return node("Pad", "preprocess/canvas", [x, pads, floats("preprocess/background", [], [canvas.background])]);
}

/** The config's preprocessing, as training/preprocess.ts does it. */
function preprocess(graph: Graph, trained: TrainedNetwork): string {
  const { dataset } = trained, { node, floats } = graph;
  let x = "image";
  if (dataset === null) return x;
  if (dataset.preprocess.length === 0) { // 0 ... 255 to -1 ... 1
    const scaled = node("Div", "preprocess/scaled", [x, floats("preprocess/half", [], [127.5])]);
    return node("Sub", "preprocess", [scaled, floats("preprocess/one", [], [1])]);
  }
  dataset.preprocess.forEach((step, index) => {
    if ("gcn" in step) x = contrastNormalize(graph, `preprocess/gcn${index + 1}`, x, step.gcn.scale);
    else if ("zca" in step) x = whiten(graph, x, trained);
    else if ("channelMeans" in step) {
      const means = floats(`preprocess/means${index + 1}`, [3, 1, 1], step.channelMeans);
      x = node("Sub", `preprocess/centred${index + 1}`, [x, means]);
    } else if ("scale" in step) x = scale(graph, `preprocess/scale${index + 1}`, x, step.scale);
    else step satisfies never;
  });
  return x;
}

function floatValue(name: string, docString: string, sizes: readonly number[]): ValueInfo {
  const dim = [{ dimParam: "N" }, ...sizes.map((dimValue) => ({ dimValue }))];
  return { name, docString, type: { tensorType: { elemType: DATA_TYPE.float, shape: { dim } } } };
}

/**
 * The bytes of an ONNX file with the network and its preprocessing. Input: `image`, float32 [N, channels, height, width],
 * raw pixels 0 ... 255, red first; of a network built in code what it was trained on. Outputs: `logits` and `probabilities`, float32 [N, classes]. The names of the classes
 * are a JSON list under `classes` in the metadata. Throws `UserError` where the shapes do not fit.
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
      input: [
        floatValue("image", dataset === null ? "as the network takes it" : "raw pixels 0 ... 255, red, green, blue", [
          channels,
          height,
          width,
        ]),
      ],
      output: [
        floatValue("logits", "before the softmax", [classes.length]),
        floatValue("probabilities", "softmax of the logits", [classes.length]),
      ],
    },
    metadataProps: [{ key: "classes", value: JSON.stringify(classes) }],
  });
}
