/** All kinds of layers. To add one, write its record in a file of its own, and add it to this list. */
import { type KindList, kindList } from "../core/kinds/kinds.ts";
import { activation } from "./activation.ts";
import { averagePool } from "./average_pool.ts";
import { batchNorm } from "./batch_norm.ts";
import { conv } from "./conv.ts";
import { dense } from "./dense.ts";
import { dropout } from "./dropout.ts";
import { elementwise } from "./elementwise.ts";
import { globalAveragePool } from "./global_average_pool.ts";
import type { LayerKind } from "./layer_kind.ts";
import { maxPool } from "./max_pool.ts";
import { residual } from "./residual.ts";
import { sequential } from "./sequential.ts";

const LAYERS: readonly { readonly kind: LayerKind }[] = [
  conv,
  dense,
  batchNorm,
  activation,
  elementwise,
  dropout,
  maxPool,
  averagePool,
  globalAveragePool,
  sequential,
  residual,
];

const CONTRACT = {
  schema: "object",
  build: "function",
  describe: "function",
} as const;

/** What `network:` of a config may name. */
export const layerKinds: KindList<LayerKind> = kindList("layer", LAYERS.map(({ kind }) => kind), CONTRACT);
