/**
 * The kernels of allcnn: pure functions from numbers to WGSL, which need no GPU. `kernel.tunings(problem, limits)` lists
 * the ways to compute a problem, `kernel.stages(problem, tuning)` writes the shaders of one.
 *
 * @example
 * ```ts
 * import { convForward } from "allcnn/kernels";
 *
 * const image = { batch: 1, height: 8, width: 8, inChannels: 3, outHeight: 8, outWidth: 8, outChannels: 4 };
 * const problem = { ...image, kernel: 3, stride: 1, padding: 1, bias: true, slope: 0 };
 * const { dispatches } = convForward.stages(problem, { family: "direct" });
 * console.log(dispatches[0]!.shader.code); // WGSL
 * ```
 * @module
 */
// What a kernel is, and pieces to write one of.
export * from "./dtype.ts";
export * from "./kernel.ts";
export * from "./labels.ts";
export * from "./matrix_config.ts";
export { axesOf, type Padding, type PerAxis, perAxis } from "./per_axis.ts";
export * from "./pointwise.ts";
export * from "./subgroups.ts";
export * from "./wgsl.ts";
export { elementwiseKernel, type ElementwiseProblem } from "./elementwise_kernel.ts";

// Convolutions.
export { convBackwardData, type ConvBackwardDataProblem } from "./conv/conv_backward_data.ts";
export { convBackwardWeight } from "./conv/conv_backward_weight.ts";
export { convForward, type ConvForwardProblem } from "./conv/conv_forward.ts";
export { convCost, type ConvProblem } from "./conv/conv_problem.ts";
export type { ConvBackwardWeightProblem } from "./conv/method.ts";
export type { ConvTuning } from "./conv/families/family.ts";

// Layers.
export * from "./layer/add.ts";
export * from "./layer/average_pool.ts";
export * from "./layer/batch_norm.ts";
export type { BatchNormProblem } from "./layer/batch_norm_problem.ts";
export * from "./layer/batch_norm_sums.ts";
export * from "./layer/cast.ts";
export * from "./layer/dropout.ts";
export * from "./layer/elementwise_map.ts";
export * from "./layer/global_average_pool.ts";
export * from "./layer/max_pool.ts";
export { pooledSize, type PoolEnds, type PoolWindows } from "./layer/pool_windows.ts";
export * from "./layer/relu.ts";
export * from "./layer/relu_pullback.ts";

// Losses and updates.
export * from "./train/accumulate.ts";
export * from "./train/accumulate_metrics.ts";
export * from "./train/adam.ts";
export * from "./train/clip_norm.ts";
export * from "./train/loss_kernel.ts";
export * from "./train/loss_scale.ts";
export * from "./train/sgd.ts";
export * from "./train/softmax_cross_entropy.ts";
export * from "./train/target_loss.ts";
export * from "./train/update_kernel.ts";

// Batches.
export * from "./data/draw_distortions.ts";
export * from "./data/gather.ts";
export * from "./data/place_on_canvas.ts";
export * from "./data/symmetrize.ts";
export * from "./data/unpack.ts";

// Looking inside, and measuring.
export * from "./explain/top_k.ts";
export * from "./explain/unit_signal.ts";
export * from "./measure/peak_copy.ts";
export * from "./measure/peak_fma.ts";
