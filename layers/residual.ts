/** Layers whose input is added to their output (He et al. 2016, arXiv 1512.03385). */
import * as z from "zod";
import { add } from "../kernels/layer/add.ts";
import { type PerAxis, perAxis } from "../kernels/per_axis.ts";
import { castTo } from "../core/graph/cast_to.ts";
import type { Shapes } from "../core/graph/export_types.ts";
import type { Layer, ParamSpecs } from "../core/graph/layer.ts";
import { type Op, op } from "../core/graph/op.ts";
import { dtypeOf, elements, type Shape, type Tensor, tensor } from "../core/graph/tensor.ts";
import { UserError } from "../core/host/errors.ts";
import { ints, torchSize } from "./axis_options.ts";
import { conv } from "./conv.ts";
import { type CompositeConstructor, defineComposite } from "./layer_kind.ts";
import { chain } from "./sequential.ts";

/** What a residual is built of, beside its layers. */
export interface ResidualConfig {
  /** Is the input projected by a 1x1 convolution, to the shape of the output? */
  readonly projection: boolean;
}
/** `ResidualConfig` as it is written: no projection unless said otherwise. */
export type ResidualOptions = { readonly projection?: boolean | undefined };

const schema: z.ZodType<ResidualConfig, ResidualOptions> = z.strictObject({
  projection: z.boolean().default(false).describe("A 1x1 convolution brings the input to the shape of the output"),
});

const PREFIX = "projection/";
const isProjection = ([name]: [string, unknown]) => name.startsWith(PREFIX);
/** The projection's own, under its own names. */
const projected = <T>(all: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(all).filter(isProjection).map(([name, each]) => [name.slice(PREFIX.length), each]));

/** The steps over rows and columns that make `output` of `input` without a kernel's width; null where there are none. */
function strideOf({ input, output }: Shapes): PerAxis | null {
  const [down, across] = [1, 2].map((axis) => {
    const stride = Math.ceil(input[axis]! / output[axis]!);
    return Math.ceil(input[axis]! / stride) === output[axis] ? stride : null;
  });
  return down && across ? perAxis(down, across) : null;
}

function build(name: string, { projection }: ResidualConfig, layers: readonly Layer[]): Omit<Layer, "name" | "made"> {
  const inner = chain(name, layers);
  if (layers.some((layer) => layer.name === "projection")) {
    throw new UserError(
      `Cannot build residual "${name}": "projection" is the name of its own layer, rename the one in it`,
    );
  }

  /** What the input goes through; null where it is added as it is. */
  function shortcutOf(shapes: Shapes): Layer | null {
    const { input, output } = shapes, sizes = (shape: Shape) => shape.slice(1).join("x");
    if (!projection && sizes(input) === sizes(output)) return null;
    const stride = strideOf(shapes), action = `Cannot add the input ${sizes(input)} of residual "${name}"`;
    const its = `to its output ${sizes(output)}`;
    if (!projection) throw new UserError(`${action} ${its}: set projection, or keep height, width and channels`);
    if (stride === null) {
      throw new UserError(`${action} ${its}: no stride makes as many rows and columns, pad its layers`);
    }
    return conv("projection", { channels: output[3]!, kernel: 1, stride });
  }

  return {
    ...inner,
    half: [...inner.half ?? [], ...(projection ? [`${PREFIX}w`] : [])],
    init(input) {
      const { output, params, state = {} } = inner.init(input), shortcut = shortcutOf({ input, output });
      const own: ParamSpecs = shortcut === null ? {} : shortcut.init(input).params;
      const named = Object.fromEntries(Object.entries(own).map(([key, spec]) => [`${PREFIX}${key}`, spec]));
      return { output, params: { ...params, ...named }, state };
    },
    forward(params, x, trace) {
      const pass = inner.forward(params, x, trace),
        { shape } = pass.y,
        shortcut = shortcutOf({ input: x.shape, output: shape });
      const labelled = (ops: readonly Op[]) => ops.map((op) => ({ ...op, label: `${PREFIX}${op.label}` }));
      const sum = (label: string, a: Tensor, b: Tensor, y: Tensor) =>
        op(add, { count: elements(y.shape), ...dtypeOf(y) }, { label, reads: [a, b], writes: [y] });
      const beside = shortcut?.forward(projected(params), x, trace) ?? null;
      const dtype = pass.y.dtype === "f16" ? "f16" : "f32", shown = castTo(dtype, beside?.y ?? x, `${name}/shortcut`);
      const y = tensor(`${name}/y`, shape, { dtype });
      return {
        ops: [...pass.ops, ...labelled(beside?.ops ?? []), ...shown.ops, sum("add", pass.y, shown.y, y)],
        y,
        pullback(dy, want) {
          const back = pass.pullback(dy, want), grads = want.grads === null ? null : projected(want.grads);
          const signal = castTo((beside?.y ?? x).dtype === "f16" ? "f16" : "f32", dy, `${name}/dshortcut`);
          const other = beside === null ? { ops: [], dx: signal.y } : beside.pullback(signal.y, { ...want, grads });
          const needed = beside !== null || want.input ? [...signal.ops, ...labelled(other.ops)] : [];
          if (!want.input) return { ops: [...back.ops, ...needed], dx: null };
          const dx = tensor(`${name}/dx`, x.shape, { dtype: x.dtype });
          return { ops: [...back.ops, ...needed, sum("dx", back.dx!, other.dx!, dx)], dx };
        },
      };
    },
  };
}

const MODULE = `class Residual(nn.Sequential):
    """The sum of x and of what all modules make of it, one after the other."""

    def forward(self, x):
        return x + super().forward(x)`;
const PROJECTED = `class ProjectedResidual(nn.Sequential):
    """The sum of what the last module makes of x, and the others, one after the other."""

    def forward(self, x):
        y = x
        for module in list(self)[:-1]:
            y = module(y)
        return self[-1](x) + y`;

/**
 * y = x + f(x), where f is `layers`, one after the other; with `projection` a 1x1 convolution of x is added, with the
 * stride that f has, and parameters `projection/w` and `projection/b`. Throws `UserError`, from `init` on, where the
 * shapes differ without one.
 *
 * @example
 * ```ts
 * const options = { channels: 16, kernel: 3, padding: "same" } as const;
 * const block = residual("block1", [conv("conv1", { ...options, activation: "relu" }), conv("conv2", options)]);
 * console.log(block.init([32, 28, 28, 16]).output); // [ 32, 28, 28, 16 ]
 * ```
 */
export const residual: CompositeConstructor<ResidualConfig, ResidualOptions> = defineComposite({
  key: "residual",
  schema,
  build,
  describe: ({ projection }) => projection ? "layers, plus a projection of their input" : "layers, plus their input",
  onnx({ projection }, shapes) {
    const stride = strideOf(shapes) ?? 1;
    if (!projection) return [{ op: "Add", reads: ["inner", "x"], writes: "y" }];
    const attributes = { kernel_shape: { ints: [1, 1] }, strides: ints(stride) };
    return [
      { op: "Conv", reads: ["x", `${PREFIX}w`, `${PREFIX}b`], writes: "shortcut", attributes },
      { op: "Add", reads: ["inner", "shortcut"], writes: "y" },
    ];
  },
  torch({ projection }, shapes, inner) {
    if (!projection) return [{ code: "Residual", modules: inner, definition: MODULE }];
    const last = `nn.Conv2d(${shapes.input[3]}, ${shapes.output[3]}, 1, stride=${torchSize(strideOf(shapes) ?? 1)})`;
    const params = { [`${PREFIX}w`]: `${inner.length}.weight`, [`${PREFIX}b`]: `${inner.length}.bias` };
    return [{ code: "ProjectedResidual", modules: [...inner, { code: last }], definition: PROJECTED, params }];
  },
});
