/**
 * allcnn: train convolutional networks on any GPU through WebGPU. The public API; everything here is re-exported.
 * @module
 */
export { loadConfig, parseConfig } from "./configs/load.ts";
export { type Config, configSchema } from "./configs/schema.ts";
export { type Checkpoint, decode, encode } from "./core/checkpoint.ts";
export { type Context, openDevice } from "./core/device.ts";
export { UserError } from "./core/errors.ts";
export { type Forward, type Layer, type Params, type Rule, sequential, type Want } from "./core/layer.ts";
export { type Op, op } from "./core/op.ts";
export { type Buffers, compile, type Plan, run } from "./core/plan.ts";
export type { Program } from "./core/program.ts";
export { type Shape, type Tensor, tensor } from "./core/tensor.ts";
export { readTensor, writeTensor } from "./core/transfer.ts";
export { cachedTuner, searchTuner, type SearchTunerOptions, tuneOps, type TuneOptions } from "./core/tune.ts";
export { openTuneCache, type TuneCache } from "./core/tune_cache.ts";
export { defaultTuner, fixedTuner, type Tuner } from "./core/tuner.ts";
export { readCifar10 } from "./data/cifar10.ts";
export type { Dataset } from "./data/dataset.ts";
export { generateShapes } from "./data/generated.ts";
export type { Kernel, Limits, Stages } from "./kernels/kernel.ts";
export { buildNetwork } from "./layers/mod.ts";
export { evaluate, type Score } from "./training/evaluate.ts";
export { fit, type FitOptions, initialize, type Status } from "./training/fit.ts";
export { makeResident, type Resident } from "./training/resident.ts";
export { compileEvaluation, compileTraining, getParams, openSession, type Session } from "./training/session.ts";
