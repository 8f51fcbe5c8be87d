/** Times ops on the device with timestamp queries: one compute pass per op, repeated, medians. */
import type { Context } from "./device.ts";
import type { Plan } from "./plan.ts";

/** Median seconds on the device of each op of a plan, by label, in order. Throws where there are no timestamps. */
export async function timeOps(
  { device, timestamps }: Context,
  plan: Plan,
  repeats: number,
): Promise<Map<string, number>> {
  if (!timestamps) throw new Error("This device has no timestamp queries");
  const labels = [...new Set(plan.dispatches.map(({ label }) => label))];
  const count = 2 * labels.length;
  const querySet = device.createQuerySet({ type: "timestamp", count });
  const resolved = device.createBuffer({
    size: 8 * count,
    usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
  });
  const staging = device.createBuffer({ size: 8 * count, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const samples = new Map(labels.map((label) => [label, [] as number[]]));
  for (let repeat = 0; repeat <= repeats; repeat++) {
    const encoder = device.createCommandEncoder();
    labels.forEach((label, index) => {
      const timestampWrites = { querySet, beginningOfPassWriteIndex: 2 * index, endOfPassWriteIndex: 2 * index + 1 };
      const pass = encoder.beginComputePass({ timestampWrites });
      for (const { pipeline, bindGroup, workgroups } of plan.dispatches.filter((each) => each.label === label)) {
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, bindGroup);
        pass.dispatchWorkgroups(...workgroups);
      }
      pass.end();
    });
    encoder.resolveQuerySet(querySet, 0, count, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, staging, 0, 8 * count);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const times = new BigInt64Array(staging.getMappedRange().slice(0));
    staging.unmap();
    if (repeat === 0) continue; // the first run warms up
    labels.forEach((label, index) => {
      samples.get(label)!.push(Number(times[2 * index + 1]! - times[2 * index]!) / 1e9);
    });
  }
  for (const each of [querySet, resolved, staging]) each.destroy();
  return new Map(labels.map((label) => [label, median(samples.get(label)!)]));
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b), middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
