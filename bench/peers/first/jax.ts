/** The first prediction with jax-js, the whole network in one `jit`. */
import "../dawn.ts"; // first: it provides navigator.gpu
import { defaultDevice, init, jit, lax, nn, numpy as np } from "@jax-js/jax";
import { type NamedConv, type PeerKinds, peerLayers } from "../layers.ts";
import { answer, readWeights } from "./weights.ts";

const imported = performance.now(), { config, values, image } = readWeights();
await init("webgpu");
defaultDevice("webgpu");
type Arrays = Record<string, np.Array>;
const params: Arrays = Object.fromEntries(
  Object.entries(values).map(([name, { data, shape }]): [string, np.Array] => {
    const array = np.array(data as Float32Array<ArrayBuffer>).reshape([...shape]);
    return [name, shape.length === 4 ? array.transpose([3, 2, 0, 1]) : array];
  }),
);
function conv({ name, kernel, stride, padding, activation }: NamedConv, params: Arrays, x: np.Array): np.Array {
  const zeros = typeof padding === "number" ? padding : padding === "same" ? (kernel - 1) / 2 : 0;
  const w = params[`${name}/w`]!, b = params[`${name}/b`]!;
  const y = lax.convGeneralDilated(x, w, [stride, stride], [[zeros, zeros], [zeros, zeros]])
    .add(b.reshape([1, -1, 1, 1]));
  return activation === "relu" ? nn.relu(y) : y;
}
const forward = jit((params: Arrays, x: np.Array) => {
  const kinds: PeerKinds<np.Array> = {
    conv: (y, options) => conv(options, params, y),
    dropout: (y) => y,
    globalAveragePool: (y) => np.mean(y, [2, 3]),
  };
  let y = x.transpose([0, 3, 1, 2]);
  for (const layer of peerLayers(config)) y = layer(kinds, y);
  return y;
});
const logits = forward(params, np.array(image as Float32Array<ArrayBuffer>).reshape([1, 32, 32, 3])) as np.Array;
answer({ logits: [...await logits.data()], imported, predicted: performance.now() });
