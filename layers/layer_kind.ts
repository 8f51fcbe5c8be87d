/** Kinds of layers: everything that anybody wants to know of one, in a record; and the constructor that it gives. */
import * as z from "zod";
import type { Layer } from "../core/graph/layer.ts";
import type { Kind, Schema } from "../core/kinds/kinds.ts";
import { UserError } from "../core/host/errors.ts";
import { checkOptions } from "../core/kinds/check_options.ts";
import type { OnnxNode, Shapes, TorchModule } from "../core/graph/export_types.ts";

/**
 * One entry of `network:` in a config: a kind's key with its options, `{ conv: { name: "conv1", channels: 96, kernel: 3 } }`,
 * or the key alone where it needs none.
 */
export type LayerConfig = string | { readonly [kind: string]: object };

/** A kind of layer. Adding one is a file with such a record, and its place in the list of layers/mod.ts. */
export interface LayerKind<Options extends object = object, Written = unknown> extends Kind {
  /** A `z.strictObject` of its options, with units and ranges; `name` and `layers` are added to them. */
  readonly schema: Schema<Options, Written>;
  /** The name of the n-th of its kind where none is given; without it each must be named. */
  autoName?(n: number): string;
  /** Does it hold layers, which it runs one after the other? */
  readonly composite?: true;
  /** The layer of checked options; `layers` are those that it holds. */
  build(name: string, options: Options, layers: readonly Layer[]): Omit<Layer, "name" | "made">;
  /** A few words for diagrams: "3x3 convolution, stride 2, ReLU". */
  describe(options: Options): string;
  /** Its nodes in ONNX; none is the identity. */
  onnx?(options: Options, shapes: Shapes): readonly OnnxNode[];
  /** Its modules in PyTorch, around `inner`, those of the layers that it holds. */
  torch?(options: Options, shapes: Shapes, inner: readonly TorchModule[]): readonly TorchModule[];
  /** Is it the identity but in training? */
  readonly trainingOnly?: true;
  /** Is each of its outputs made of the one input at its place? Then its units see what those before it see. */
  readonly elementwise?: true;
  /** The option that counts its output channels, which the `width` of a config multiplies. */
  readonly channels?: string;
  /** What computes at stride 1 and then pools, of the same shapes and parameters; null where it has no stride. */
  poolStride?(name: string, options: Options): readonly LayerConfig[] | null;
}

/** What makes layers of a kind: `maxPool("pool1", { kernel: 3, stride: 2 })`. Throws `UserError` on wrong options. */
export interface LayerConstructor<Options extends object, Written extends object = Options> {
  (name: string, ...options: Record<never, never> extends Written ? [options?: Written] : [options: Written]): Layer;
  /** The record of the kind. */
  readonly kind: LayerKind<Options, Written>;
}

/** What makes layers of a kind that holds layers: `sequential("block1", [conv(...), conv(...)])`. */
export interface CompositeConstructor<Options extends object, Written extends object = Options> {
  (
    name: string,
    layers: readonly Layer[],
    ...options: Record<never, never> extends Written ? [options?: Written] : [options: Written]
  ): Layer;
  /** The record of the kind. */
  readonly kind: LayerKind<Options, Written>;
}

/** A layer of a kind. Throws `UserError` on options or a name that are not allowed. */
export function buildLayer(kind: LayerKind, name: string, options: object, layers: readonly Layer[]): Layer {
  const action = `Cannot build ${kind.key} "${name}"`;
  if (!/^[^/]+$/.test(name)) {
    throw new UserError(`${action}: a name is a part of paths as block1/conv1, so it has no "/"`);
  }
  const checked = checkOptions(kind.schema as z.ZodType<object>, options, action),
    built = kind.build(name, checked, layers);
  if (typeof built?.init !== "function" || typeof built.forward !== "function") {
    throw new Error(`The layer "${kind.key}" breaks its contract: what it builds has no init or no forward`);
  }
  return { ...built, name, made: { kind, options: checked } };
}

/** The constructor of a kind of layer. Throws where the record breaks its contract. */
export function defineLayer<Options extends object, Written extends object>(
  kind: LayerKind<Options, Written>,
): LayerConstructor<Options, Written> {
  checkSchema(kind);
  // Programs of 0.1 in JavaScript, and configs, have the name among the options: conv({ name: "conv1", ... }).
  const construct = (name: string | { readonly name: string }, options: object = {}): Layer => {
    if (typeof name === "string") return buildLayer(kind, name, options, []);
    const { name: given, ...rest } = name;
    return buildLayer(kind, given, rest, []);
  };
  return Object.assign(construct, { kind });
}

/** The constructor of a kind that holds layers. Throws where the record breaks its contract. */
export function defineComposite<Options extends object, Written extends object>(
  kind: Omit<LayerKind<Options, Written>, "composite">,
): CompositeConstructor<Options, Written> {
  checkSchema(kind);
  const made: LayerKind<Options, Written> = { ...kind, composite: true };
  return Object.assign(
    (name: string, layers: readonly Layer[], options: object = {}) => buildLayer(made, name, options, layers),
    { kind: made },
  );
}

function checkSchema({ key, schema }: Pick<LayerKind, "key" | "schema">): void {
  if (schema instanceof z.ZodObject && !("name" in schema.shape) && !("layers" in schema.shape)) return;
  throw new Error(`The layer "${key}" breaks its contract: its schema is no object without name and layers`);
}

/** The kind that made a layer, or null for a layer of one's own. */
export function kindOf({ made }: Layer): LayerKind | null {
  return made === undefined ? null : made.kind as LayerKind;
}

/** Why a layer cannot be exported, where its kind does not say as what. */
export function noCounterpart(layer: Layer, field: "onnx" | "torch"): string {
  const kind = kindOf(layer);
  return kind === null
    ? `it is one of your own, whose kind has no ${field}`
    : `its kind, ${kind.key}, has no ${field}, which would say what it is there`;
}

/** A few words for a layer: "3x3 convolution, stride 2, ReLU". */
export function describeLayer(layer: Layer): string {
  return kindOf(layer)?.describe(layer.made!.options) ?? "a layer of one's own";
}
