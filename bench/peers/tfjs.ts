/** TensorFlow.js as a peer: its WebGPU back end on Dawn, NHWC. */
import { adapterName } from "./dawn.ts"; // first: it provides navigator.gpu
import "@tensorflow/tfjs-core/dist/register_all_gradients.js";
import * as tf from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import "@tensorflow/tfjs-backend-webgpu";
import { type NamedConv, type PeerKinds, peerLayers } from "./layers.ts";
import { sgdOf } from "./protocol.ts";
import { type Inputs, serve, type Trainer } from "./serve.ts";

type Variables = Readonly<Record<string, tf.Variable>>;

const sameOrValid = ({ padding, kernel }: NamedConv) =>
  typeof padding === "number" ? padding : padding === "same" ? (kernel - 1) / 2 : 0;

/** Bias fused into the convolution (as fast as apart); an activation cannot be, where gradients are wanted. */
function conv(options: NamedConv, params: Variables, x: tf.Tensor4D): tf.Tensor4D {
  const filter = params[`${options.name}/w`] as unknown as tf.Tensor4D, bias = params[`${options.name}/b`]!;
  const y = tf.fused.conv2d({ x, filter, bias, strides: options.stride, pad: sameOrValid(options) });
  return options.activation === "relu" ? tf.relu(y) : y;
}

async function open({ config, images, labels, weights }: Inputs): Promise<Trainer> {
  await tf.setBackend("webgpu");
  await tf.ready();
  if (tf.getBackend() !== "webgpu") throw new Error(`TensorFlow.js runs on ${tf.getBackend()}, not on webgpu`);
  const device = await adapterName(), { queue } = (tf.backend() as WebGPUBackend).device;
  const batch = config.training.batch, { momentum, weightDecay } = sgdOf(config);
  const x = tf.tensor4d(images, [batch, 32, 32, 3]), classes = weights[Object.keys(weights).at(-1)!]!.shape[0]!;
  const target = tf.oneHot(tf.tensor1d(Int32Array.from(labels), "int32"), classes);
  const named = (of: (name: string) => tf.Tensor): Variables =>
    Object.fromEntries(Object.keys(weights).map((name) => [name, tf.variable(of(name))]));
  const params = named((name) => tf.tensor(weights[name]!.data, [...weights[name]!.shape]));
  const velocity = named((name) => tf.zeros([...weights[name]!.shape]));
  const lossOf = (dropout: boolean): tf.Scalar => {
    let y: tf.Tensor4D = x;
    const kinds: PeerKinds<tf.Tensor4D> = {
      conv: (y, options) => conv(options, params, y),
      dropout: (y, { rate }) => dropout ? tf.dropout(y, rate) as tf.Tensor4D : y,
      globalAveragePool: (y) => tf.mean(y, [1, 2], true),
    };
    for (const layer of peerLayers(config)) y = layer(kinds, y);
    return tf.losses.softmaxCrossEntropy(target, tf.reshape(y, [batch, classes]));
  };
  const inFlight: Promise<unknown>[] = [];
  let last: tf.Scalar | null = null;
  return {
    device,
    version: tf.version_core,
    reset() {
      for (const [name, { data, shape }] of Object.entries(weights)) {
        tf.tidy(() => {
          params[name]!.assign(tf.tensor(data, [...shape]));
          velocity[name]!.assign(tf.zeros([...shape]));
        });
      }
      return Promise.resolve();
    },
    async step({ dropout, learningRate }) {
      const loss = tf.tidy(() => {
        const { value, grads } = tf.variableGrads(() => lossOf(dropout), Object.values(params));
        for (const name of Object.keys(weights)) {
          const w = params[name]!, g = grads[w.name]!;
          // v = momentum * v - rate * (g + decay * w); w = w + v
          const v = tf.sub(tf.mul(velocity[name]!, momentum), tf.mul(tf.add(g, tf.mul(w, weightDecay)), learningRate));
          velocity[name]!.assign(v);
          w.assign(tf.add(w, v));
        }
        return value;
      });
      last?.dispose();
      last = loss;
      inFlight.push(queue.onSubmittedWorkDone());
      if (inFlight.length > 1) await inFlight.shift(); // at most two steps, as in training/fit.ts
    },
    async finish() {
      const loss = last === null ? NaN : (await last.data())[0]!;
      inFlight.push(queue.onSubmittedWorkDone());
      await Promise.all(inFlight.splice(0));
      return loss;
    },
  };
}

await serve(open);
