/**
 * The dynamic loss scale of mixed precision: gradients in half precision lose what lies below 2^-24, so the loss is
 * multiplied by a scale that keeps them above, and the update divides by it. Where the scale was too large, a gradient
 * is infinite or no number: then nothing is updated, and the scale is halved; after many good steps it is doubled.
 * All of it happens on the device:
 *
 *   loss (loss_kernel.ts)      dlogits = scale * gradient
 *   check_finite               overflow = 1 where an element of a chunk of the gradients is infinite or no number
 *   update (update_kernel.ts)  g = gradient / scale, unless overflow
 *   update_scale               the scale and the counts of the next step
 *
 * The rule and its numbers are those of PyTorch's torch.amp.GradScaler: 2^16 at first, halved at once, doubled after
 * 2000 good steps in a row.
 */
import { elementwise, f32 } from "../wgsl.ts";
import { FIXED, type Fixed, type Kernel, read, write } from "../kernel.ts";

/** The layout of the loss scale's buffer (core/device/loss_scale_buffer.ts). */
export const LOSS_SCALE = `
struct LossScale { scale: f32, good: u32, skipped: u32, overflow: u32 }
`;

/** What the scale is multiplied by after an overflow, and after so many good steps in a row. */
const BACKOFF = 0.5, GROWTH = 2, GROWTH_INTERVAL = 2000;
/** The scale stays in this range: below 1 it would make gradients smaller, and float32 still holds 2^24 times them. */
const SMALLEST = 1, LARGEST = 2 ** 24;

/**
 * Reads a chunk of gradients [count], sets the flag in the loss scale's buffer u32 [4]. By bits: compilers may assume
 * that there are neither infinities nor NaN. The order in which threads set the flag does not matter.
 */
export const checkFinite: Kernel<{ readonly count: number }, Fixed> = {
  name: "check_finite",
  tunings: () => FIXED,
  stages({ count }) {
    const shader = elementwise(
      count,
      `struct LossScale { scale: f32, good: u32, skipped: u32, overflow: atomic<u32> }
@group(0) @binding(0) var<storage, read> gradients: array<u32>;
@group(0) @binding(1) var<storage, read_write> loss_scale: LossScale;`,
      "  if ((gradients[i] & 0x7f800000u) == 0x7f800000u) { atomicStore(&loss_scale.overflow, 1u); }",
    );
    return { scratch: [], dispatches: [{ shader, bindings: [read(0), write(0)] }] };
  },
  cost: ({ count }) => ({ flops: 0, bytes: 4 * count }),
};

/** Updates the loss scale's buffer after a step, and takes the flag down. One thread. */
export const updateScale: Kernel<Record<string, never>, Fixed> = {
  name: "update_scale",
  tunings: () => FIXED,
  stages() {
    const shader = elementwise(
      1,
      `${LOSS_SCALE}
@group(0) @binding(0) var<storage, read_write> loss_scale: LossScale;`,
      `  if (loss_scale.overflow != 0u) {
    loss_scale.scale = max(loss_scale.scale * ${f32(BACKOFF)}, ${f32(SMALLEST)});
    loss_scale.good = 0u;
    loss_scale.skipped += 1u;
    loss_scale.overflow = 0u;
    return;
  }
  loss_scale.good += 1u;
  if (loss_scale.good >= ${GROWTH_INTERVAL}u) {
    loss_scale.scale = min(loss_scale.scale * ${f32(GROWTH)}, ${f32(LARGEST)});
    loss_scale.good = 0u;
  }`,
    );
    return { scratch: [], dispatches: [{ shader, bindings: [write(0)] }] };
  },
  cost: () => ({ flops: 1, bytes: 32 }),
};
