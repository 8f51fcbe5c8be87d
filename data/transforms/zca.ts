import * as z from "zod";
import { UserError } from "../../core/host/errors.ts";
import { elements } from "../../core/graph/tensor.ts";
import type { ImageShape } from "../dataset.ts";
import { fitWhitening, type Whitening } from "../whitening.ts";
import { whiten } from "../whitening_apply.ts";
import { unwhiten } from "../whitening_undo.ts";
import type { TransformKind } from "./transform_kind.ts";

/** The whitening of images of `shape`. Throws `UserError` where it is none. */
function checked(action: string, whitening: Whitening | null, shape: ImageShape): Whitening {
  const found = whitening?.mean.length ?? 0, size = elements(shape);
  if (whitening !== null && found === size) return whitening;
  throw new UserError(`Cannot ${action}: it has ${found} values, an image [${shape.join(", ")}] has ${size}`);
}

/** What `zca` of a config says. */
export interface ZcaConfig {
  /** Added to the eigenvalues of the covariance. */
  readonly epsilon: number;
}

/** ZCA whitening (data/whitening.ts), on images as rows of height, width, channels. */
export const zca: TransformKind<"zca", ZcaConfig> = {
  key: "zca",
  schema: z.strictObject({
    epsilon: z.number().min(1e-8).max(1e6).describe("Added to the eigenvalues of the covariance"),
  }),
  fit: (images, { epsilon }, { context, shape, progress }) =>
    fitWhitening(context, images, elements(shape), epsilon, progress),
  async apply(images, _, { context, shape, fitted, progress }) {
    const whitening = checked("apply the whitening", fitted, shape);
    if (images.length > 0) await whiten(context, images, whitening, progress);
  },
  async undo(signals, _, { context, shape, fitted }) {
    if (signals.length > 0) await unwhiten(context, signals, checked("undo the whitening", fitted, shape));
  },
  onnx(_, shape, fitted) {
    const { mean, matrix } = checked("export the whitening", fitted, shape), size = mean.length;
    return {
      nodes: [
        { op: "Transpose", reads: ["x"], writes: "nhwc", attributes: { perm: { ints: [0, 2, 3, 1] } } },
        { op: "Reshape", reads: ["nhwc", "rows_shape"], writes: "rows" },
        { op: "Sub", reads: ["rows", "mean"], writes: "centred" },
        { op: "MatMul", reads: ["centred", "matrix"], writes: "product" },
        { op: "Reshape", reads: ["product", "images_shape"], writes: "images" },
        { op: "Transpose", reads: ["images"], writes: "y", attributes: { perm: { ints: [0, 3, 1, 2] } } },
      ],
      constants: {
        rows_shape: { integers: [-1, size] },
        mean: { floats: mean, dims: [size] },
        matrix: { floats: matrix, dims: [size, size] },
        images_shape: { integers: [-1, ...shape] },
      },
    };
  },
  torch: (_, shape) => [
    "x = x.permute(0, 2, 3, 1).flatten(1)  # rows of height, width, channels",
    'x = (x - whitening["mean"]) @ whitening["matrix"]',
    `x = x.view(-1, ${shape.join(", ")}).permute(0, 3, 1, 2)`,
  ],
};
