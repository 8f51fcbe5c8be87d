import { test } from "uvu";
import * as assert from "uvu/assert";
import { convBackwardData } from "../../kernels/conv/conv_backward_data.ts";
import { convBackwardWeight } from "../../kernels/conv/conv_backward_weight.ts";
import { convForward } from "../../kernels/conv/conv_forward.ts";
import type { Kernel, Limits } from "../../kernels/kernel.ts";
import type { MatrixDialect } from "../../kernels/matrix_config.ts";
import { type MatrixTuning, threadsOf } from "../../kernels/conv/families/matrix/matrix_tile.ts";
import { nullDevice } from "../_null_device.ts";

/** As a discrete GPU with matrix units has them. */
const limitsWith = (dialect: MatrixDialect, side = 16, lanes = 32): Limits => ({
  workgroupInvocations: 1024,
  workgroupStorage: 49152,
  bindingBytes: 2 ** 31 - 256,
  subgroupSize: lanes,
  software: false,
  exact: false,
  f16: true,
  matrix: { m: side, n: side, k: side, lanes, dialect },
});

/** The layers of All-CNN-C that are 3x3 with 96 or 192 channels, and 100 channels, no multiple of a matrix. */
const LAYERS = [[32, 96, 96, 1], [32, 96, 96, 2], [16, 96, 192, 1], [8, 192, 192, 1], [9, 100, 36, 2]] as const;
const problemOf = ([side, inChannels, outChannels, stride]: typeof LAYERS[number]) => ({
  ...{ batch: 128, height: side, width: side, outHeight: Math.ceil(side / stride), outWidth: Math.ceil(side / stride) },
  ...{ inChannels, outChannels, kernel: 3, stride, padding: 1, dtype: "f16", bias: true, slope: 0 } as const,
  ...{ dropout: { rate: 0.5, stream: 1, perExample: 4 }, mask: { scale: 2, slope: 0 } },
});
type Problem = ReturnType<typeof problemOf>;
type Parts = { readonly parts?: number };
type Tuning = { family: string; product?: Tuning; matrix?: MatrixTuning["matrix"] };
const KERNELS = [convForward, convBackwardData, convBackwardWeight] as unknown as Kernel<Problem, Tuning>[];

const onMatrices = (kernel: Kernel<Problem, Tuning>, problem: Problem, limits: Limits) =>
  kernel.tunings(problem, limits).filter(({ family }) => family === "matrix") as (MatrixTuning & Parts)[];

test("matrix units are candidates in half precision where the device has them, and never the default", () => {
  const limits = limitsWith("vectors");
  for (const layer of LAYERS) {
    const problem = problemOf(layer);
    for (const kernel of KERNELS) {
      const { matrix: _, ...without } = limits, { dtype: __, ...single } = problem;
      const tunings = kernel.tunings(problem, limits);
      assert.ok(onMatrices(kernel, problem, limits).length >= 6, kernel.name);
      assert.not.equal(tunings[0]!.family, "matrix");
      assert.not(tunings.some(({ product }) => product?.family === "matrix"));
      // Of what computes the definition, they are tried first.
      const others = tunings.slice(1).filter(({ family }) => family !== "winograd");
      assert.equal(others.slice(0, 3).map(({ family }) => family), ["matrix", "matrix", "matrix"]);
      assert.equal(tunings[0], kernel.tunings(problem, without)[0], "the default is that of a device without them");
      assert.is(onMatrices(kernel, problem, without).length, 0);
      assert.is(onMatrices(kernel, single as Problem, limits).length, 0);
    }
  }
});

test("tunings on matrix units keep within a device's workgroups and memory, in whole subgroups", () => {
  for (const [workgroupInvocations, workgroupStorage] of [[1024, 49152], [256, 16384]] as const) {
    const limits = { ...limitsWith("vectors"), workgroupInvocations, workgroupStorage };
    for (const kernel of KERNELS) {
      const tunings = onMatrices(kernel, problemOf(LAYERS[0]), limits);
      assert.ok(tunings.length > 0);
      for (const tuning of tunings) {
        for (const dialect of ["vectors", "scalars"] as const) {
          const { code } = kernel.stages(problemOf(LAYERS[0]), { ...tuning, matrix: { ...tuning.matrix, dialect } })
            .dispatches.find(({ shader: { code } }) => code.includes("subgroup_matrix"))!.shader;
          const threads = Number(/@workgroup_size\((\d+)\)/.exec(code)![1]);
          assert.is(threads, threadsOf(tuning));
          assert.ok(threads % 32 === 0 && threads <= workgroupInvocations);
          const arrays = [...code.matchAll(/var<workgroup> \w+: array<(vec4<)?(f16|f32)>?, (\d+)>/g)];
          assert.is(arrays.length, 3);
          const bytes = arrays.map(([, wide, type, count]) =>
            (wide ? 4 : 1) * (type === "f16" ? 2 : 4) * Number(count)
          );
          assert.ok(bytes.reduce((a, b) => a + b) <= workgroupStorage, `${bytes} ${JSON.stringify(tuning)}`);
        }
      }
    }
  }
});

test("every tuning of every layer is valid WGSL in the dialects of today, says Dawn's null back end", async () => {
  const device = await nullDevice();
  for (const dialect of ["vectors", "scalars"] as const) {
    for (const layer of LAYERS) {
      for (const kernel of KERNELS) {
        const problem = problemOf(layer), tunings = onMatrices(kernel, problem, limitsWith(dialect));
        // Splits change no call of a matrix.
        for (const tuning of tunings.filter(({ parts = 1 }) => parts === 1)) {
          for (const { shader: { code } } of kernel.stages(problem, tuning).dispatches) {
            device.pushErrorScope("validation");
            device.createShaderModule({ code });
            const error = await device.popErrorScope();
            assert.is(error, null, `${error?.message} ${kernel.name} ${JSON.stringify(tuning)}`);
          }
        }
      }
    }
  }
  device.destroy();
});

test("in another dialect, only the lines that are a dialect's differ", () => {
  const problem = problemOf(LAYERS[4]);
  const of = (kernel: Kernel<Problem, Tuning>, dialect: MatrixDialect) => {
    const [tuning] = onMatrices(kernel, problem, limitsWith(dialect));
    const { dispatches } = kernel.stages(problem, tuning!);
    return dispatches.map(({ shader }) => shader.code).find((code) => code.includes("Sum()"))!.split("\n");
  };
  const DIALECT =
    /^enable |^diagnostic|^alias |^var<workgroup>|subgroupMatrix|load_|multiply|store_sum|^ *(left|right)\[|vec4f\(/;
  for (const kernel of KERNELS) {
    const [vectors, ...others] = (["vectors", "scalars", "flag", "emulated", "emulated_scalars"] as const).map(
      (dialect) => {
        const lines = of(kernel, dialect), begin = lines.findIndex((line) => line.includes("@compute"));
        return lines.slice(begin).filter((line) => !DIALECT.test(line));
      },
    );
    assert.ok(vectors!.length > 60);
    for (const other of others) assert.equal(other, vectors);
  }
});
test.run();
