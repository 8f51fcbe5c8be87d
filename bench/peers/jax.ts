/** jax-js as a peer: its WebGPU back end on Dawn, NCHW, the only layout of its convolution. */
import { adapterName } from "./dawn.ts"; // first: it provides navigator.gpu
import {
  blockUntilReady,
  defaultDevice,
  init,
  jit,
  lax,
  nn,
  numpy as np,
  random,
  tree,
  valueAndGrad,
} from "@jax-js/jax";
import manifest from "./package.json" with { type: "json" };
import { type NamedConv, type PeerKinds, peerLayers } from "./layers.ts";
import { sgdOf } from "./protocol.ts";
import { type Inputs, serve, type Trainer } from "./serve.ts";

type Arrays = Record<string, np.Array>;

function conv({ name, kernel, stride, padding, activation }: NamedConv, params: Arrays, x: np.Array): np.Array {
  const zeros = typeof padding === "number" ? padding : padding === "same" ? (kernel - 1) / 2 : 0;
  const w = params[`${name}/w`]!, b = params[`${name}/b`]!;
  const y = lax.convGeneralDilated(x, w, [stride, stride], [[zeros, zeros], [zeros, zeros]])
    .add(b.reshape([1, -1, 1, 1]));
  return activation === "relu" ? nn.relu(y) : y;
}

function dropout(x: np.Array, key: np.Array, rate: number): np.Array {
  const kept = random.bernoulli(key, 1 - rate, x.shape);
  return np.where(kept, x.mul(1 / (1 - rate)), 0);
}

async function open({ config, images, labels, weights }: Inputs): Promise<Trainer> {
  const devices = await init("webgpu");
  if (!devices.includes("webgpu")) throw new Error("jax-js finds no WebGPU");
  defaultDevice("webgpu");
  const batch = config.training.batch, { momentum, weightDecay } = sgdOf(config);
  const classes = weights[Object.keys(weights).at(-1)!]!.shape[0]!;
  const nchw = jit((x: np.Array) => x.transpose([0, 3, 1, 2])); // compiled, or every step would read it transposed
  const x = nchw(np.array(images).reshape([batch, 32, 32, 3]));
  const target = nn.oneHot(np.array(Int32Array.from(labels), { dtype: np.int32 }), classes);
  await blockUntilReady([x, target]);

  const lossOf = (params: Arrays, x: np.Array, target: np.Array, key: np.Array | null): np.Array => {
    let y = x, number = 0;
    const kinds: PeerKinds<np.Array> = {
      conv: (y, options) => conv(options, params, y),
      dropout: (y, { rate }) => key === null ? y : dropout(y, key.ref.slice(number++), rate),
      globalAveragePool: (y) => np.mean(y, [2, 3]),
    };
    for (const layer of layers) y = layer(kinds, y);
    key?.dispose();
    return np.sum(nn.logSoftmax(y.reshape([batch, classes])).mul(target)).mul(-1 / batch);
  };
  const layers = peerLayers(config), one = { conv: () => 0, dropout: () => 1, globalAveragePool: () => 0 };
  const drops = layers.reduce((sum, layer) => sum + layer(one, 0), 0);
  // One jit over the whole step: on llvmpipe at batch 8 it took 3.3 s, gradient and update jitted apart 3.4 s.
  const stepOf = (withDropout: boolean) =>
    jit((params: Arrays, velocity: Arrays, x: np.Array, target: np.Array, seed: np.Array, rate: np.Array) => {
      const keys = withDropout ? random.split(random.key(seed), drops) : (seed.dispose(), null);
      const [loss, grads] = valueAndGrad((params: Arrays) => lossOf(params, x, target, keys))(tree.ref(params)) as [
        np.Array,
        Arrays,
      ];
      const updated: Arrays = {}, moved: Arrays = {};
      for (const name of Object.keys(params)) {
        // v = momentum * v - rate * (g + decay * w); w = w + v
        const w = params[name]!;
        const v = velocity[name]!.mul(momentum).sub(grads[name]!.add(w.ref.mul(weightDecay)).mul(rate.ref));
        moved[name] = v.ref;
        updated[name] = w.add(v);
      }
      rate.dispose();
      return { params: updated, velocity: moved, loss };
    });
  const compiled = { true: stepOf(drops > 0), false: stepOf(false) };
  let params: Arrays = {}, velocity: Arrays = {}, steps = 0;
  let last: np.Array | null = null, lastDone: Promise<unknown> = Promise.resolve();
  return {
    device: await adapterName(),
    version: manifest.dependencies["@jax-js/jax"],
    async reset() {
      tree.dispose([params, velocity]);
      const arrays = Object.entries(weights).map(([name, { data, shape }]): [string, np.Array] => {
        const array = np.array(data as Float32Array<ArrayBuffer>).reshape([...shape]);
        return [name, shape.length === 4 ? array.transpose([3, 2, 0, 1]) : array];
      });
      params = Object.fromEntries(arrays);
      velocity = Object.fromEntries(arrays.map(([name, array]) => [name, np.zeros(array.shape)]));
      await blockUntilReady([params, velocity]);
    },
    async step({ dropout, learningRate }) {
      const seed = np.array(steps++, { dtype: np.uint32 }), rate = np.array(learningRate);
      const next = compiled[`${dropout}`](params, velocity, x.ref, target.ref, seed, rate);
      ({ params, velocity } = next as { params: Arrays; velocity: Arrays });
      // A step is submitted when its result is waited for: now, while the one before may still run.
      const loss = next["loss"] as np.Array, done = blockUntilReady(loss);
      await lastDone;
      last?.dispose();
      last = loss, lastDone = done;
    },
    async finish() {
      if (last === null) return NaN;
      await lastDone;
      await blockUntilReady([params, velocity]);
      return (await last.ref.data())[0] as number;
    },
  };
}

await serve(open);
