/** Kinds of transforms: everything that anybody wants to know of one step of preprocessing, in a record. */
import type * as z from "zod";
import type { Context } from "../../core/device/device.ts";
import type { OnnxConstant, OnnxNode } from "../../core/graph/export_types.ts";
import type { Kind } from "../../core/kinds/kinds.ts";
import type { ImageShape } from "../dataset.ts";
import type { Progress, Whitening } from "../whitening.ts";

/** (value - subtract) / divide, where `subtract` is of all channels, or has one number for each. */
export interface PixelScale {
  readonly subtract: number | readonly number[];
  readonly divide: number;
}

/** What a transform that is fitted learned from the training images; there is one kind of them. */
export type Fitted = Whitening;

/** What a transform is applied with. */
export interface Applying {
  readonly context: Context;
  /** Of one image. */
  readonly shape: ImageShape;
  readonly fitted: Fitted | null;
  readonly progress?: Progress;
}

/** The nodes of a transform in ONNX, from "x" [N, channels, height, width] to what the last one writes. */
export interface OnnxTransform {
  readonly nodes: readonly OnnxNode[];
  readonly constants: Readonly<Record<string, OnnxConstant>>;
}

/** A kind of transform. Adding one is a file with such a record, and its place in the list of transforms/mod.ts. */
export interface TransformKind<Key extends string = string, Options = unknown> extends Kind {
  readonly key: Key;
  readonly schema: z.ZodType<Options>;
  /** Of one that treats each value by itself: the device does it to bytes, and pictures are had back from it. */
  pixels?(options: Options): PixelScale;
  /** Does `pixels` say the same of all channels? */
  readonly alike?: true;
  /** Learns from all training images, as the transforms before it left them. Such a transform is the last, and uses `fitted`. */
  fit?(images: Float32Array, options: Options, applying: Omit<Applying, "fitted">): Promise<Fitted>;
  /** Changes images that lie one after the other, [height, width, channels] each, in place. */
  apply(images: Float32Array<ArrayBuffer>, options: Options, applying: Applying): void | Promise<void>;
  /**
   * The way back for signals that lie one after the other, in place: the inverse of its linear part. Absent where that
   * only adds, or is a factor that differs from image to image.
   */
  undo?(signals: Float32Array<ArrayBuffer>, options: Options, applying: Applying): void | Promise<void>;
  /** Throws `UserError` where what was fitted is missing or of other images. */
  onnx(options: Options, shape: ImageShape, fitted: Fitted | null): OnnxTransform;
  /** Lines of Python that change `x`, [N, channels, height, width]; `whitening` is what was fitted. */
  torch(options: Options, shape: ImageShape): readonly string[];
}

/** The kind of a transform of single values, all of which follows from `pixels`. */
export function pixelTransform<Key extends string, Options>(
  kind: Pick<TransformKind<Key, Options>, "key" | "schema" | "alike"> & { pixels(options: Options): PixelScale },
): TransformKind<Key, Options> {
  return {
    ...kind,
    apply(images, options, { shape: [, , channels] }) {
      const { subtract, divide } = kind.pixels(options);
      const of = (i: number) => typeof subtract === "number" ? subtract : subtract[i % channels]!;
      for (let i = 0; i < images.length; i++) images[i] = (images[i]! - of(i)) / divide;
    },
    undo(signals, options) {
      const { divide } = kind.pixels(options);
      for (let i = 0; i < signals.length; i++) signals[i]! *= divide;
    },
    onnx(options) {
      const { subtract, divide } = kind.pixels(options);
      const floats = typeof subtract === "number" ? [subtract] : subtract;
      const sub: OnnxNode = { op: "Sub", reads: ["x", "subtract"], writes: "centred" };
      const div: OnnxNode = { op: "Div", reads: ["centred", "divide"], writes: "y" };
      return {
        nodes: divide === 1 ? [sub] : [sub, div],
        constants: {
          subtract: { floats, dims: [floats.length, 1, 1] },
          ...(divide === 1 ? {} : { divide: { floats: [divide], dims: [] } }),
        },
      };
    },
    torch(options) {
      const { subtract, divide } = kind.pixels(options);
      const by = typeof subtract === "number"
        ? String(subtract)
        : `torch.tensor([${subtract.join(", ")}]).view(1, -1, 1, 1)`;
      return [divide === 1 ? `x = x - ${by}` : `x = (x - ${by}) / ${divide}`];
    },
  };
}
