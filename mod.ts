/**
 * allcnn: train convolutional networks on any GPU through WebGPU. The public API; everything here is re-exported.
 * @module
 */
// Models: open, train, evaluate, predict, save, load.
export { type Context, type DeviceOptions, openDevice } from "./core/device/device.ts";
export { UserError } from "./core/host/errors.ts";
export { evaluate, type EvaluateOptions, type Score } from "./training/evaluate.ts";
export type { EpochMetrics } from "./report/metrics.ts";
export type { Status } from "./training/status.ts";
export type { Definition } from "./training/definition.ts";
export { closeModel, type Model, type ModelOptions, openModel } from "./training/model.ts";
export { getParams, type ParamStore, setParams, type Unmatched } from "./training/params.ts";
export { loadModel, type LoadOptions, saveModel } from "./training/model_file.ts";
export { predict, predictLogits } from "./training/predict.ts";
export { openPredictor, type Prediction, type Predictor, type PredictorOptions } from "./training/predictor.ts";
export type { NetworkInput } from "./training/predict_queue.ts";
export type { Picture, PixelData } from "./data/picture.ts";
export { train, type TrainOptions } from "./training/train.ts";
export { openTrainer, type StepMetrics, type Trainer, type TrainerOptions } from "./training/trainer.ts";
export type { Batches, ExampleBatch, Stream } from "./training/batches.ts";
export type { LengthOptions, StepOptions } from "./training/training_options.ts";

// Look inside.
export { explain, type Explanation, type UnitOptions, type Way } from "./explain/explain.ts";
export { type SearchOptions, type TopActivation, topActivations } from "./explain/top_activations.ts";
export { layerNames, upTo } from "./explain/layer_of.ts";
export { pooledLayer, poolModel } from "./explain/pool_model.ts";
export { clip, fieldAt, type ReceptiveField, receptiveField, type Rectangle } from "./explain/receptive_field.ts";
export { poolStrides } from "./configs/pool_strides.ts";

// Networks: layers, and what a layer is.
export {
  type Forward,
  type Layer,
  type Params,
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
export { elementwise, type ElementwiseConfig } from "./layers/elementwise.ts";
export { dropout, type DropoutConfig } from "./layers/dropout.ts";
export type { PoolOptions } from "./layers/pool_options.ts";
export type { Padding, PerAxis } from "./kernels/per_axis.ts";
export type { OnnxNode, Shapes, TorchModule } from "./core/graph/exported.ts";
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
export type { TrainingConfig, TrainingOptions } from "./configs/training_schema.ts";
export type { InitConfig } from "./learning/initial_values/mod.ts";
export type { LossConfig } from "./learning/losses/mod.ts";
export { elementwiseLoss, type Loss, type LossExpressions, type LossGradient } from "./core/graph/loss.ts";
export type { Optimizer, Part, UpdateContext } from "./core/graph/optimizer.ts";
export type { Place, Schedule } from "./learning/schedules/schedule.ts";
export { adam, adamw, cosine, exponential, glorotNormal, heNormal, meanSquaredError } from "./learning/values.ts";
export { oneCycle, sgd, sigmoidCrossEntropy, softmaxCrossEntropy, steps, warmup } from "./learning/values.ts";
export type { OptimizerConfig } from "./learning/optimizers/mod.ts";
export type { LearningRateConfig } from "./learning/schedules/mod.ts";
export { loadConfig, parseConfig } from "./configs/load.ts";
export { type Config, configSchema } from "./configs/schema.ts";
export type { AugmentConfig, CanvasConfig, DatasetConfig, DistortConfig } from "./data/dataset_config.ts";
export type { ImageFolderConfig } from "./data/datasets/image_folder.ts";
export type { TransformConfig } from "./data/transforms/mod.ts";
export { classNames } from "./data/datasets/mod.ts";
export { readCifar10 } from "./data/datasets/cifar10.ts";
export { readCifar100 } from "./data/datasets/cifar100.ts";
export type { Dataset, ImageShape, LabelledImages } from "./data/dataset.ts";
export { generateShapes } from "./data/datasets/shapes.ts";
export { decodeImage, type Image, readImage, resizeTo } from "./data/image.ts";
export type { Whitening } from "./data/whitening.ts";
export { type Checkpoint, decode as decodeCheckpoint, encode as encodeCheckpoint } from "./training/checkpoint.ts";
export { prepare, preprocess, type Report, type Source, whiteningFor } from "./training/preprocess.ts";

// Files: of the file system, in a browser of IndexedDB.
export { exists, readFile, removeFile, writeFile } from "./core/host/files.ts";

// Kernels, programs and their tuning.
export { type Op, op } from "./core/graph/op.ts";
export { type Buffers, compile, type Plan, run } from "./core/device/plan.ts";
export type { Program } from "./core/graph/program.ts";
export { elements, type Shape, type Tensor, tensor } from "./core/graph/tensor.ts";
export { readTensor, writeTensor } from "./core/device/transfer.ts";
export { cachedTuner, searchTuner, type SearchTunerOptions, tuneOps, type TuneOptions } from "./core/tune/tune.ts";
export { openTuneCache, type TuneCache } from "./core/tune/tune_cache.ts";
export { defaultTuner, fixedTuner, type Tuner } from "./core/graph/tuner.ts";
export { convBackwardData } from "./kernels/conv/conv_backward_data.ts";
export { convBackwardWeight } from "./kernels/conv/conv_backward_weight.ts";
export { convForward } from "./kernels/conv/conv_forward.ts";
export type { ConvProblem } from "./kernels/conv/conv_problem.ts";
export { type Binding, type Kernel, type Limits, read, type Stages, write } from "./kernels/kernel.ts";
export { elementwise as elementwiseShader } from "./kernels/wgsl.ts";
