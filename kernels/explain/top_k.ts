/**
 * Running lists of the examples that activate each channel most, updated batch by batch in place. For the largest
 * activations of the examples of a batch, maxima [batch, channels] at positions [batch, channels]:
 *
 *   values[c,0] >= values[c,1] >= ...      the k largest maxima of channel c so far
 *   entries[c,j] = (example, position)     of the j-th; (EMPTY, EMPTY) where there were fewer than k examples
 *
 * Of equal maxima the lower example comes first, whatever the order of the batches. Examples without a label pad a batch
 * or could not be read; they, and maxima that are no numbers, are left out. An example is `first` of the step buffer plus
 * its place in the batch, and is to be offered once. One thread per channel, which inserts one example after the other.
 */
import { FIXED, type Fixed, type Kernel, read, write } from "../kernel.ts";
import { NO_LABEL } from "../labels.ts";
import { elementwise, STEP } from "../wgsl.ts";

/** What the entries of a list hold at first. */
export const EMPTY = 0xffffffff;

/** The batch, and the lists. */
export interface TopKProblem {
  /** Examples. */
  readonly batch: number;
  /** Channels, each with a list. */
  readonly channels: number;
  /** Examples of a list. */
  readonly k: number;
}

/**
 * Reads maxima and positions (u32), both [batch, channels], labels (u32 [batch]) and the step buffer; updates values
 * [channels, k] and entries (u32 [channels, k, 2]), which start as EMPTY.
 */
export const topK: Kernel<TopKProblem, Fixed> = {
  name: "top_k",
  tunings: () => FIXED,
  stages({ batch, channels, k }) {
    const shader = elementwise(
      channels,
      `${STEP}
@group(0) @binding(0) var<storage, read> maxima: array<f32>;
@group(0) @binding(1) var<storage, read> positions: array<u32>;
@group(0) @binding(2) var<storage, read> labels: array<u32>;
@group(0) @binding(3) var<storage, read> step: Step;
@group(0) @binding(4) var<storage, read_write> values: array<f32>;
@group(0) @binding(5) var<storage, read_write> entries: array<vec2u>;
/** By its bits: a compiler may assume that no float is NaN. */
fn is_nan(value: f32) -> bool { return (bitcast<u32>(value) & 0x7fffffffu) > 0x7f800000u; }
fn goes_before(value: f32, example: u32, slot: u32) -> bool {
  let other = entries[slot].x;
  return other == ${EMPTY}u || value > values[slot] || (value == values[slot] && example < other);
}`,
      `  let start = i * ${k}u;
  for (var n = 0u; n < ${batch}u; n++) {
    let value = maxima[n * ${channels}u + i];
    if (labels[n] == ${NO_LABEL}u || is_nan(value)) { continue; }
    let example = step.first + n;
    var place = ${k}u;
    while (place > 0u && goes_before(value, example, start + place - 1u)) {
      place--;
      if (place + 1u < ${k}u) {
        values[start + place + 1u] = values[start + place];
        entries[start + place + 1u] = entries[start + place];
      }
    }
    if (place < ${k}u) {
      values[start + place] = value;
      entries[start + place] = vec2u(example, positions[n * ${channels}u + i]);
    }
  }`,
    );
    const bindings = [read(0), read(1), read(2), read(3), write(0), write(1)];
    return { scratch: [], dispatches: [{ shader, bindings }] };
  },
  cost: ({ batch, channels, k }) => ({ flops: batch * channels, bytes: 4 * channels * (2 * batch + 6 * k) }),
};
