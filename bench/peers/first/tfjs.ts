/** The first prediction with TensorFlow.js, as small as it goes: its core and its WebGPU back end. */
import "../dawn.ts"; // first: it provides navigator.gpu
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-webgpu";
import { type NamedConv, type PeerKinds, peerLayers } from "../layers.ts";
import { answer, readWeights } from "./weights.ts";

const imported = performance.now(), { config, values, image } = readWeights();
await tf.setBackend("webgpu");
await tf.ready();
const tensorOf = (name: string) => tf.tensor(values[name]!.data, [...values[name]!.shape]);
function conv({ name, kernel, stride, padding, activation }: NamedConv, x: tf.Tensor4D): tf.Tensor4D {
  const pad = typeof padding === "number" ? padding : padding === "same" ? (kernel - 1) / 2 : 0;
  const filter = tensorOf(`${name}/w`) as tf.Tensor4D, bias = tensorOf(`${name}/b`);
  return tf.fused.conv2d({
    ...{ x, filter, bias, strides: stride, pad },
    activation: activation === "relu" ? "relu" : "linear",
  });
}
const kinds: PeerKinds<tf.Tensor4D> = { conv: (y, options) => conv(options, y), dropout: (y) => y, globalAveragePool };
function globalAveragePool(y: tf.Tensor4D): tf.Tensor4D {
  return tf.mean(y, [1, 2], true);
}
let y: tf.Tensor4D = tf.tensor4d(image, [1, 32, 32, 3]);
for (const layer of peerLayers(config)) y = layer(kinds, y);
answer({ logits: [...await y.data()], imported, predicted: performance.now() });
