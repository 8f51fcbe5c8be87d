/**
 * A function of each element, and its way back, from expressions in WGSL:
 *
 *   y[i] = Y(x[i])
 *   dx[i] = DX(x[i], y[i], dy[i])
 *
 * and by the rules of the paper's section 4, for a function that need not be a ReLU,
 *
 *   deconvnet  dx[i] = max(dy[i], 0)
 *   guided     dx[i] = max(DX(x[i], y[i], max(dy[i], 0)), 0)
 *
 * which for a ReLU are those of relu_pullback.ts.
 */
import { elementBytes, type FloatType } from "../dtype.ts";
import { mapped } from "../mapped.ts";
import { FIXED, type Fixed, type Kernel, read, write } from "../kernel.ts";

/** Expressions of WGSL, all of f32. */
export interface Formula {
  /** Of x. */
  readonly y: string;
  /** Of dy, x and y. */
  readonly dx: string;
  /** Functions that they call; absent where they are a user's, who is told what is wrong with them. */
  readonly functions?: string;
}

/** An array, and the function of its elements. */
export interface MapProblem {
  /** Elements. */
  readonly count: number;
  /** The function. */
  readonly formula: Formula;
  /** Of x, y, dy and dx. */
  readonly dtype?: FloatType;
}

/** A signal that goes back through such a function. */
export interface MapPullbackProblem extends MapProblem {
  /** How it is sent back. */
  readonly rule: "gradient" | "deconvnet" | "guided";
}

const mentions = (expression: string, name: string) => new RegExp(`\\b${name}\\b`).test(expression);

/** Which of x and y the way back needs, in the order in which its kernel reads them, behind dy. */
export function readsBack({ dx }: Formula, rule: MapPullbackProblem["rule"]): readonly ("x" | "y")[] {
  return rule === "deconvnet" ? [] : (["x", "y"] as const).filter((name) => mentions(dx, name));
}

/** Who wrote an expression that does not compile: the one who gave it, or we. */
const written = ({ functions }: Formula, text: string) => functions === undefined ? text : null;

/** Reads x, writes y. */
export const mapForward: Kernel<MapProblem, Fixed> = {
  name: "map_forward",
  tunings: () => FIXED,
  stages({ count, formula: { y, functions: declarations }, dtype }) {
    const shader = mapped({ count, reads: ["x"], expression: y, declarations, dtype });
    return { scratch: [], dispatches: [{ shader, bindings: [read(0), write(0)] }] };
  },
  cost: ({ count, dtype }) => ({ flops: count, bytes: 2 * elementBytes(dtype) * count }),
  written: ({ formula }) => written(formula, `y = ${formula.y}`),
};

/** Reads dy, and what `readsBack` says; writes dx. */
export const mapPullback: Kernel<MapPullbackProblem, Fixed> = {
  name: "map_pullback",
  tunings: () => FIXED,
  stages({ count, formula, rule, dtype }) {
    const reads = ["dy", ...readsBack(formula, rule)], positive = "max(dy, 0.0)";
    const expression = {
      gradient: formula.dx,
      deconvnet: positive,
      guided: `max(${formula.dx.replace(/\bdy\b/g, positive)}, 0.0)`,
    }[rule];
    const shader = mapped({ count, reads, expression, declarations: formula.functions, dtype });
    return { scratch: [], dispatches: [{ shader, bindings: [...reads.map((_, i) => read(i)), write(0)] }] };
  },
  cost: ({ count, formula, rule, dtype }) => ({
    flops: count,
    bytes: (2 + readsBack(formula, rule).length) * elementBytes(dtype) * count,
  }),
  written: ({ formula }) => written(formula, `dx = ${formula.dx}`),
};
