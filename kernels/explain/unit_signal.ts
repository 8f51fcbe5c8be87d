/**
 * What one looks at inside a network: the largest activation, and the signal that goes back from it. For activations
 * y [batch, positions, channels]:
 *
 *   unit_maxima   values[n,c] = max over p of y[n,p,c], positions[n,c] = the first p where it is
 *   choose_unit   chosen[n] = (c, p) as choice[n] says, or the largest of what it leaves open; activations[n] = y[n,p,c]
 *   unit_signal   dy[n,p,c] = 1 where (c, p) is chosen[n], else 0
 *
 * One thread per (n, c), per n and per element.
 */
import { elementwise } from "../wgsl.ts";
import { FIXED, type Fixed, type Kernel, read, write } from "../kernel.ts";

/** In a choice, instead of a unit or a position: whichever is the most active. */
export const MOST_ACTIVE = 0xffffffff;

/** The activations that are looked at. */
export interface UnitProblem {
  /** Examples. */
  readonly batch: number;
  /** Height times width. */
  readonly positions: number;
  /** Channels, which are the units. */
  readonly channels: number;
}

/** Reads y; writes values and positions (u32), both [batch, channels]. */
export const unitMaxima: Kernel<UnitProblem, Fixed> = {
  name: "unit_maxima",
  tunings: () => FIXED,
  stages({ batch, positions, channels }) {
    const shader = elementwise(
      batch * channels,
      `@group(0) @binding(0) var<storage, read> y: array<f32>;
@group(0) @binding(1) var<storage, read_write> values: array<f32>;
@group(0) @binding(2) var<storage, read_write> at: array<u32>;`,
      `  let first = i / ${channels}u * ${positions * channels}u + i % ${channels}u;
  var best = y[first];
  var first_at = 0u;
  for (var p = 1u; p < ${positions}u; p++) {
    let value = y[first + p * ${channels}u];
    if (value > best) { best = value; first_at = p; }
  }
  values[i] = best;
  at[i] = first_at;`,
    );
    return { scratch: [], dispatches: [{ shader, bindings: [read(0), write(0), write(1)] }] };
  },
  cost: ({ batch, positions, channels }) => ({
    flops: batch * positions * channels,
    bytes: 4 * batch * channels * (positions + 2),
  }),
};

/**
 * Reads y, the values and positions of `unitMaxima`, and choice (u32 [batch, 2]: unit, position); writes chosen (u32
 * [batch, 2]) and activations [batch].
 */
export const chooseUnit: Kernel<UnitProblem, Fixed> = {
  name: "choose_unit",
  tunings: () => FIXED,
  stages({ batch, positions, channels }) {
    const shader = elementwise(
      batch,
      `@group(0) @binding(0) var<storage, read> y: array<f32>;
@group(0) @binding(1) var<storage, read> values: array<f32>;
@group(0) @binding(2) var<storage, read> at: array<u32>;
@group(0) @binding(3) var<storage, read> choice: array<vec2u>;
@group(0) @binding(4) var<storage, read_write> chosen: array<vec2u>;
@group(0) @binding(5) var<storage, read_write> activations: array<f32>;
/** Of channel c, at the position that is asked for or at its maximum. */
fn activation(n: u32, c: u32, p: u32) -> f32 {
  if (p == ${MOST_ACTIVE}u) { return values[n * ${channels}u + c]; }
  return y[(n * ${positions}u + p) * ${channels}u + c];
}`,
      `  var c = choice[i].x;
  let p = choice[i].y;
  if (c == ${MOST_ACTIVE}u) {
    c = 0u;
    for (var other = 1u; other < ${channels}u; other++) {
      if (activation(i, other, p) > activation(i, c, p)) { c = other; }
    }
  }
  chosen[i] = vec2u(c, select(p, at[i * ${channels}u + c], p == ${MOST_ACTIVE}u));
  activations[i] = activation(i, c, p);`,
    );
    const bindings = [read(0), read(1), read(2), read(3), write(0), write(1)];
    return { scratch: [], dispatches: [{ shader, bindings }] };
  },
  cost: ({ batch, channels }) => ({ flops: batch * channels, bytes: 4 * batch * (channels + 5) }),
};

/** Reads chosen (u32 [batch, 2]); writes dy. */
export const unitSignal: Kernel<UnitProblem, Fixed> = {
  name: "unit_signal",
  tunings: () => FIXED,
  stages({ batch, positions, channels }) {
    const shader = elementwise(
      batch * positions * channels,
      `@group(0) @binding(0) var<storage, read> chosen: array<vec2u>;
@group(0) @binding(1) var<storage, read_write> dy: array<f32>;`,
      `  let at = chosen[i / ${positions * channels}u];
  let here = vec2u(i % ${channels}u, i / ${channels}u % ${positions}u);
  dy[i] = select(0.0, 1.0, all(here == at));`,
    );
    return { scratch: [], dispatches: [{ shader, bindings: [read(0), write(0)] }] };
  },
  cost: ({ batch, positions, channels }) => ({ flops: 0, bytes: 4 * batch * (positions * channels + 2) }),
};
