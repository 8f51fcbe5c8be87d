/**
 * allcnn: train convolutional networks on any GPU through WebGPU. The public API; everything here is re-exported.
 * @module
 */
// Models: open, train, evaluate, predict, save, load.
export { type Context, type DeviceOptions, openDevice } from "./core/device/device.ts";
export {
  DeviceLostError,
  DivergedError,
  FileError,
  type Told,
  TooLargeError,
  UserError,
  type Words,
} from "./core/host/errors.ts";
export { evaluate, type EvaluateOptions, type Score } from "./training/evaluate.ts";
export { type ClassScore, evaluateClasses } from "./training/evaluate_classes.ts";
export {
  type ClassStatistics,
  classStatistics,
  confidentMistakes,
  type Confusion,
  confusions,
  judge,
  type Judged,
  type Share,
  wilsonInterval,
} from "./training/class_statistics.ts";
export type { EpochMetrics } from "./report/metrics.ts";
export type { Status } from "./training/status.ts";
export type { Definition } from "./training/definition.ts";
export { closeModel, type Model, type ModelOptions, openModel } from "./training/model.ts";
export { getParams, type ParamStore, setParams, type Unmatched } from "./training/params.ts";
export { loadModel, type LoadOptions, saveModel } from "./training/model_file.ts";
export { openOnnx } from "./training/onnx_model.ts";
export type { OnnxOptions } from "./export/onnx_config.ts";
export { predict, predictLogits } from "./training/predict.ts";
export { openPredictor, type Prediction, type Predictor, type PredictorOptions } from "./training/predictor.ts";
export type { Users } from "./training/users.ts";
export type { NetworkInput } from "./training/predict_queue.ts";
export type { Picture, PixelData } from "./data/picture.ts";
export { train, type TrainOptions } from "./training/train.ts";
export { openTrainer, type StepMetrics, type Trainer, type TrainerOptions } from "./training/trainer.ts";
export type { Batches, ExampleBatch, Stream } from "./training/batches.ts";
export type { LengthOptions, StepOptions } from "./training/training_options.ts";

// Look inside.
export { maximize, type MaximizeOptions } from "./explain/maximize.ts";
export type { Asked } from "./explain/asked.ts";
export { type FeatureMaps, featureMaps } from "./explain/feature_maps.ts";
export { explainBy, type Method, METHODS } from "./explain/methods.ts";
export { explain, type Explanation, type UnitOptions, type Way } from "./explain/explain.ts";
export { type SearchOptions, type TopActivation, topActivations } from "./explain/top_activations.ts";
export { layerNames, upTo } from "./explain/layer_of.ts";
export { pooledLayer, poolModel } from "./explain/pool_model.ts";
export { clip, fieldAt, type ReceptiveField, receptiveField, type Rectangle } from "./explain/receptive_field.ts";
export { poolStrides } from "./configs/pool_strides.ts";

// Networks: layers, and what a layer is.
export {
  type Backward,
  type Forward,
  type Layer,
  type Params,
  type ParamSpec,
  type ParamSpecs,
  type Rule,
  RULES,
  type Trace,
  type Want,
  type Window,
} from "./core/graph/layer.ts";
export { batchNorm, type BatchNormConfig, type BatchNormOptions } from "./layers/batch_norm.ts";
export { conv, type ConvConfig, type ConvOptions } from "./layers/conv.ts";
export { dense, type DenseConfig, type DenseOptions } from "./layers/dense.ts";
export { activation, type ActivationConfig, type ActivationOptions } from "./layers/activation.ts";
export type { ActivationFunction, ReluFunction } from "./layers/activation_function.ts";
export type { SmoothFunction } from "./layers/smooth_function.ts";
export { elementwise, type ElementwiseConfig } from "./layers/elementwise.ts";
export { dropout, type DropoutConfig } from "./layers/dropout.ts";
export type { PoolOptions } from "./layers/pool_options.ts";
export type { Padding, PerAxis } from "./kernels/per_axis.ts";
export type { Kind, Schema } from "./core/kinds/kinds.ts";
export type { OnnxAttributes, OnnxNode, Shapes, TorchModule } from "./core/graph/export_types.ts";
export { globalAveragePool } from "./layers/global_average_pool.ts";
export {
  type CompositeConstructor,
  defineComposite,
  defineLayer,
  type LayerConfig,
  type LayerConstructor,
  type LayerKind,
} from "./layers/layer_kind.ts";
export { averagePool, type AveragePoolConfig, type AveragePoolOptions } from "./layers/average_pool.ts";
export type { PaddingOption } from "./layers/axis_options.ts";
export type { Optional } from "./layers/optional.ts";
export { maxPool, type MaxPoolConfig, type MaxPoolOptions } from "./layers/max_pool.ts";
export { buildNetwork } from "./layers/network_config.ts";
export { residual, type ResidualConfig, type ResidualOptions } from "./layers/residual.ts";
export { sequential } from "./layers/sequential.ts";

// Configs and data.
export type { TrainingConfig } from "./configs/training_schema.ts";
export type { InitConfig } from "./learning/initial_values/mod.ts";
export type { LossConfig } from "./learning/losses/mod.ts";
export { elementwiseLoss, type Loss, type LossExpressions, type LossGradient } from "./core/graph/loss.ts";
export type { Optimizer, Part, PartKind, UpdateContext } from "./core/graph/optimizer.ts";
export type { Place, Schedule } from "./learning/schedules/schedule.ts";
export { adam, adamw, cosine, exponential, glorotNormal, heNormal, meanSquaredError } from "./learning/values.ts";
export { oneCycle, sgd, sigmoidCrossEntropy, softmaxCrossEntropy, steps, warmup } from "./learning/values.ts";
export type { Constructor as ValueConstructor } from "./learning/kind.ts";
export type { OptimizerConfig, OptimizerOptions } from "./learning/optimizers/mod.ts";
export type { AdamConfig, AdamOptions } from "./learning/optimizers/adam.ts";
export type { AdamConstants } from "./kernels/train/adam.ts";
export type { SgdOptions } from "./learning/optimizers/sgd.ts";
export type { SoftmaxOptions } from "./learning/losses/softmax_cross_entropy.ts";
export type { HeNormalConfig } from "./learning/initial_values/he_normal.ts";
export type { LearningRateConfig, LearningRateOptions } from "./learning/schedules/mod.ts";
export type { CosineConfig } from "./learning/schedules/cosine.ts";
export type { ExponentialConfig } from "./learning/schedules/exponential.ts";
export type { OneCycleConfig, OneCycleOptions } from "./learning/schedules/one_cycle.ts";
export type { StepsConfig, StepsOptions } from "./learning/schedules/steps.ts";
export type { WarmupConfig } from "./learning/schedules/warmup.ts";
export { loadConfig, parseConfig } from "./configs/load.ts";
export type { Config } from "./configs/schema.ts";
export type { AugmentConfig, CanvasConfig, DatasetConfig, DistortConfig } from "./data/dataset_config.ts";
export type { Crops as ImageFolderConfig } from "./data/crop.ts";
export type { Canvas } from "./data/canvas.ts";
export type { Distortion } from "./kernels/data/draw_distortions.ts";
export type { TransformConfig } from "./data/transforms/mod.ts";
export type { GcnConfig } from "./data/transforms/gcn.ts";
export type { ScaleConfig } from "./data/transforms/scale.ts";
export type { ZcaConfig } from "./data/transforms/zca.ts";
export { classNames, type DatasetChoice, type DatasetName } from "./data/datasets/mod.ts";
export type { Split } from "./data/datasets/dataset_kind.ts";
export { readCifar10 } from "./data/datasets/cifar10.ts";
export { readCifar100 } from "./data/datasets/cifar100.ts";
export type { Dataset, ImageShape, LabelledImages } from "./data/dataset.ts";
export { generateShapes } from "./data/datasets/shapes.ts";
export { decodeImage, type Image, readImage, resizeTo } from "./data/image.ts";
export type { Whitening } from "./data/whitening.ts";
export {
  type Checkpoint,
  decode as decodeCheckpoint,
  encode as encodeCheckpoint,
  type Progress,
} from "./training/checkpoint.ts";
export type { LossScale } from "./core/device/loss_scale_buffer.ts";
export type { HostTensor } from "./core/host/safetensors.ts";
export { prepare, preprocess, type Report, signalsToPixels, type Source, whiteningFor } from "./training/preprocess.ts";

// Files: of the file system, in a browser of IndexedDB.
export { exists, readFile, removeFile, writeFile } from "./core/host/files.ts";

// Programs: tensors, ops, and a compiled list of them.
export { type Op, op } from "./core/graph/op.ts";
export type { BoundNetwork, Program } from "./core/graph/program.ts";
export type { Arena } from "./core/graph/arena.ts";
export {
  type DType,
  elements,
  reshape,
  type Shape,
  type Tensor,
  tensor,
  type VirtualBuffer,
} from "./core/graph/tensor.ts";
export { type Buffers, compile, type Dispatch, type Plan, run } from "./core/device/plan.ts";
export { type Layout, layOut } from "./core/graph/layout.ts";
export type { Chosen, MemoryPlan } from "./core/graph/memory_plan.ts";
export { readTensor, readTensors, writeTensor } from "./core/device/transfer.ts";
export { type DispatchProfile, type PlanProfile, profilePlan } from "./core/measure/profile_plan.ts";
export type { HostPhase, Sampling, Timed, Timeline } from "./core/measure/profile.ts";

// Tuning: which shaders an op runs.
export { defaultTuner, fixedTuner, type Tuner, type Tunings } from "./core/graph/tuner.ts";
export { cachedTuner, searchTuner, type SearchTunerOptions } from "./core/tune/tune.ts";
export { openTuneCache, type TuneCache } from "./core/tune/tune_cache.ts";
export type { Entry as TuneEntry, Row as TuneRow } from "./core/tune/tune_entry.ts";
export type { Expected as TuneExpected } from "./core/tune/tune_bench.ts";
export type { Projection as TuneProjection } from "./core/measure/compare_arrays.ts";
export type { Outcome as TuneOutcome } from "./core/tune/tune_search.ts";
export type { Candidate as TuneCandidate, Subject as TuneSubject, Task as TuneTask } from "./core/tune/tune_task.ts";

// Kernels; the subpath kernels/ has all of them.
export { elementwiseKernel, type ElementwiseProblem } from "./kernels/elementwise_kernel.ts";
export { elementwise as elementwiseShader } from "./kernels/wgsl.ts";
export {
  type Binding,
  type Cost,
  FIXED,
  type Fixed,
  type Kernel,
  type Limits,
  read,
  scratch,
  type Shader,
  type Stage,
  type Stages,
  type Workgroups,
  write,
} from "./kernels/kernel.ts";
export type { FloatType } from "./kernels/dtype.ts";
export type { MatrixConfig, MatrixDialect } from "./kernels/matrix_config.ts";
export type { Dropout as DroppedOut, Mask, Pointwise, Relu } from "./kernels/pointwise.ts";
export { convBackwardData, type ConvBackwardDataProblem } from "./kernels/conv/conv_backward_data.ts";
export { convBackwardWeight } from "./kernels/conv/conv_backward_weight.ts";
export { convForward, type ConvForwardProblem } from "./kernels/conv/conv_forward.ts";
export type { ConvProblem } from "./kernels/conv/conv_problem.ts";
export type { ConvBackwardWeightProblem } from "./kernels/conv/method.ts";
export type { ConvTuning } from "./kernels/conv/families/family.ts";
