import { test } from "uvu";
import * as assert from "uvu/assert";
import { convBackwardData } from "../../kernels/conv/conv_backward_data.ts";
import { convBackwardWeight } from "../../kernels/conv/conv_backward_weight.ts";
import { convForward } from "../../kernels/conv/conv_forward.ts";
import { direct } from "../../kernels/conv/families/direct.ts";
import { type ConvTuning, type Family, listed } from "../../kernels/conv/families/family.ts";
import { FAMILIES } from "../../kernels/conv/families/mod.ts";
import type { Method } from "../../kernels/conv/method.ts";
import { plainMethod } from "../../kernels/conv/plain_method.ts";
import { winogradMethod } from "../../kernels/conv/winograd/winograd_method.ts";
import type { Limits } from "../../kernels/kernel.ts";

/** As a discrete GPU has them. */
const GPU: Limits = {
  workgroupInvocations: 1024,
  workgroupStorage: 49152,
  bindingBytes: 2 ** 31 - 256,
  subgroupSize: 32,
  software: false,
  exact: false,
};
const square = (side: number, channels: number, outChannels: number, batch: number) => ({
  ...{ batch, height: side, width: side, outHeight: side, outWidth: side },
  ...{ inChannels: channels, outChannels, kernel: 3, stride: 1, padding: 1, bias: true, slope: 0 },
});
const KERNELS = [convForward, convBackwardData, convBackwardWeight] as const;
type Tuning = { family: string; product?: Tuning };
const tuningsOf = (kernel: typeof KERNELS[number], problem: ReturnType<typeof square>, limits: Limits) =>
  kernel.tunings(problem, limits) as readonly Tuning[];

test("on hardware a broadcast is a candidate where it fits into registers, and never the default", () => {
  const isBroadcast = ({ family, product }: Tuning) => [family, product?.family].includes("broadcast");
  for (let channels = 1; channels <= 192; channels++) {
    for (const kernel of KERNELS) {
      for (const subgroupSize of [4, 8, 16, 32, 64, 128]) {
        const tunings = tuningsOf(kernel, square(16, 96, channels, 128), { ...GPU, subgroupSize });
        const offered = tunings.filter(({ family }) => family === "broadcast") as unknown as { rows?: number }[];
        assert.is(offered.length > 0, subgroupSize >= 8);
        assert.ok(offered.every(({ rows = 32 }) => rows <= 32));
        assert.not(isBroadcast(tunings[0]!), `${kernel.name}, ${channels} channels`);
      }
    }
  }
});

test("large layers on a GPU: Winograd by default, workgroup memory where only exact kernels are wanted", () => {
  for (const kernel of KERNELS) {
    for (const problem of [square(32, 96, 96, 128), square(16, 192, 192, 512)]) {
      assert.is(tuningsOf(kernel, problem, GPU)[0]!.family, "winograd");
      assert.is(tuningsOf(kernel, problem, { ...GPU, exact: true })[0]!.family, "tiled");
      assert.not(tuningsOf(kernel, problem, { ...GPU, exact: true }).some(({ family }) => family === "winograd"));
    }
  }
});

test("the smallest limits that WebGPU guarantees leave a tuning for every shape, within them", () => {
  const least = {
    ...GPU,
    workgroupInvocations: 256,
    workgroupStorage: 16384,
    bindingBytes: 2 ** 27,
    subgroupSize: null,
  };
  for (const kernel of KERNELS) {
    for (const channels of [1, 3, 10, 96, 100, 192]) {
      const problem = square(9, channels, channels, 4);
      for (const tuning of tuningsOf(kernel, problem, least)) {
        const stages = kernel.stages(problem, tuning as never);
        assert.ok(stages.scratch.every((bytes) => bytes <= least.bindingBytes));
        for (const { shader } of stages.dispatches) {
          const size = /@workgroup_size\(([\d, ]+)\)/.exec(shader.code)![1]!.split(",").map(Number);
          assert.ok(size.reduce((a, b) => a * b, 1) <= least.workgroupInvocations);
          const arrays = [...shader.code.matchAll(/var<workgroup> \w+: array<vec4f, (\d+)>/g)];
          assert.ok(arrays.reduce((sum, [, count]) => sum + 16 * Number(count), 0) <= least.workgroupStorage);
          assert.ok(shader.workgroups.every((count) => count <= 65535));
        }
      }
    }
  }
});

test("a tuning of an unknown family, alone or within Winograd, is an error that says which there are", () => {
  const problem = square(8, 4, 4, 1), said = /^Cannot use a tuning of family "bridged", there are (\w+, )+\w+$/;
  for (const kernel of KERNELS) {
    for (
      const tuning of [{ family: "bridged" }, {
        family: "winograd",
        tile: 4,
        product: { family: "bridged", parts: 36 },
      }]
    ) {
      assert.throws(() => kernel.stages(problem, tuning), ({ message }: Error) => said.test(message));
    }
  }
  assert.throws(() => listed([...FAMILIES, direct]), /^Cannot list two families of convolutions called "direct"$/);
});

test("one more family is a record: alone and within Winograd it is offered, and its shaders made", () => {
  const named = <Tuning extends ConvTuning>(tuning: Tuning) => ({ ...tuning, family: "other" });
  const { product, weight } = direct as Family, seconds = () => 1e-9;
  const other: Family = {
    ...direct,
    key: "other",
    product: { ...product, seconds, candidates: (...of) => product.candidates(...of).map(named) },
    weight: { ...weight, seconds, candidates: (...of) => weight.candidates(...of).map(named) },
  };
  const p = square(8, 4, 4, 1);
  for (const method of [plainMethod(other), winogradMethod([...FAMILIES, other])] as Method[]) {
    const [tuning] = method.weight.candidates(p, [1], GPU) as readonly (ConvTuning & { product?: ConvTuning })[];
    assert.is((tuning!.product ?? tuning!).family, "other");
    assert.ok(method.weight.stages(p, tuning!).dispatches.length > 1);
  }
});

test.run();
