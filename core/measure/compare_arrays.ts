/** Fills and compares arrays on the device, where they are: kernels/measure/check_arrays.ts with buffers and sums. */
import { checkWorkgroups, compareShader, FILL, fillShader, projectShader } from "../../kernels/measure/check_arrays.ts";
import type { Shader } from "../../kernels/kernel.ts";
import { createBuffer } from "../device/buffers.ts";
import type { Context } from "../device/device.ts";
import { pipelineFor } from "../device/pipeline.ts";
import { bind, type Dispatch } from "../device/plan.ts";
import { encodePass } from "./profile.ts";
import { bytesOf, type DType, elements, type Shape } from "../graph/tensor.ts";

/** The start of a buffer, seen as an array. */
export interface DeviceArray {
  readonly buffer: GPUBuffer;
  readonly shape: Shape;
  readonly dtype: DType;
}

export interface Comparison {
  /** ||actual - expected|| / ||expected|| over the finite values; for u32 the root of the share that differs. */
  readonly relative: number;
  /** The largest difference, relative to the root mean square of the expected values. */
  readonly largest: number;
  /** Values that are infinite or NaN, which marks what was never written. */
  readonly notFinite: number;
}

/** A fingerprint that tolerates rounding: the norm, and two projections on random signs. */
export interface Projection {
  /** The Euclidean norm. */
  readonly norm: number;
  /** Sums of the elements, each with a random sign. */
  readonly projections: readonly number[];
  /** How many elements are infinite or no numbers. */
  readonly notFinite: number;
}

export interface CheckArrays {
  /** Writes a pattern of FILL; `word` is its constant, or its seed. */
  fill(array: DeviceArray, pattern: keyof typeof FILL, word: number): Promise<void>;
  /** A dispatch that fills an array with what was filled last. */
  filler(array: DeviceArray): Promise<Dispatch>;
  compare(actual: DeviceArray, expected: DeviceArray): Promise<Comparison>;
  project(array: DeviceArray): Promise<Projection>;
  destroy(): void;
}

/** 0 where nothing differs, also if nothing is expected. */
const ratio = (difference: number, size: number) => difference === 0 ? 0 : difference / size;

/** Sums, or where the index is 2 and `third` says so maxima, of the components of vectors that lie one after another. */
function foldPartials(partials: Float32Array, third: "+" | "max"): number[] {
  const sums = [0, 0, 0, 0];
  partials.forEach((value, i) => {
    const k = i % 4;
    sums[k] = k === 2 && third === "max" ? Math.max(sums[k]!, value) : sums[k]! + value;
  });
  return sums;
}

/** Allocates the few KiB that checking needs. */
export async function openCheckArrays(context: Context): Promise<CheckArrays> {
  const { device } = context;
  const parameters = await createBuffer(context, "check/parameters", 20);
  const partials = await createBuffer(context, "check/partials", 16 * checkWorkgroups(Infinity));

  const encode = async (label: string, { code, workgroups }: Shader, arrays: readonly GPUBufferBinding[]) => {
    const dispatch = bind(context, label, await pipelineFor(device, label, code), arrays, workgroups);
    const encoder = device.createCommandEncoder();
    encodePass(encoder, [dispatch], {});
    return encoder;
  };
  const bound = (array: DeviceArray): GPUBufferBinding => ({ buffer: array.buffer, size: bytesOf(array) });
  const fold = async (label: string, shader: Shader, arrays: readonly DeviceArray[], third: "+" | "max") => {
    const encoder = await encode(label, shader, [...arrays.map(bound), { buffer: partials }]);
    const size = 16 * shader.workgroups[0];
    const staging = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    encoder.copyBufferToBuffer(partials, 0, staging, 0, size);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const sums = foldPartials(new Float32Array(staging.getMappedRange()), third);
    staging.destroy();
    return sums as [number, number, number, number];
  };

  return {
    async fill(array, pattern, word) {
      const [height, width, channels] = [1, 1, 1, ...array.shape].slice(-3);
      const encoder = await encode("check/fill", fillShader(elements(array.shape), array.dtype), [
        { buffer: parameters, size: 20 },
        bound(array),
      ]);
      device.queue.writeBuffer(parameters, 0, new Uint32Array([FILL[pattern], word, height!, width!, channels!]));
      device.queue.submit([encoder.finish()]);
    },
    async filler(array) {
      const { code, workgroups } = fillShader(elements(array.shape), array.dtype);
      const pipeline = await pipelineFor(device, "check/fill", code);
      return bind(context, "check/fill", pipeline, [{ buffer: parameters, size: 20 }, bound(array)], workgroups);
    },
    async compare(actual, expected) {
      const count = elements(actual.shape), shader = compareShader(count, actual.dtype);
      const [squares, expectedSquares, largest, notFinite] = await fold(
        "check/compare",
        shader,
        [actual, expected],
        "max",
      );
      const rms = Math.sqrt(expectedSquares / count);
      return {
        relative: ratio(Math.sqrt(squares), Math.sqrt(expectedSquares)),
        largest: ratio(largest, rms),
        notFinite,
      };
    },
    async project(array) {
      const shader = projectShader(elements(array.shape), array.dtype);
      const [squares, first, second, notFinite] = await fold("check/project", shader, [array], "+");
      return { norm: Math.sqrt(squares), projections: [first, second], notFinite };
    },
    destroy() {
      parameters.destroy();
      partials.destroy();
    },
  };
}
