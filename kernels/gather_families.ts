/** The families of gathering convolutions (gather_conv.ts), and which tunings of them fit a device. */
import { type BroadcastTuning, gatherBroadcastShader } from "./gather_broadcast.ts";
import type { GatherConv } from "./gather_conv.ts";
import { type DirectTuning, gatherDirectShader } from "./gather_direct.ts";
import type { Limits, Shader } from "./kernel.ts";

export type GatherTuning = DirectTuning | BroadcastTuning;

/** The subgroups of llvmpipe. SwiftShader's, of four, take minutes to compile in these shaders (Chromium 156). */
export const BROADCAST_LANES = 8;

/**
 * Tunings for `channels` output channels. Where every subgroup has eight lanes, the adapter is llvmpipe on a CPU: there
 * a load costs far more than arithmetic, and broadcasting what a lane has loaded wins.
 */
export function gatherTunings(channels: number, { subgroupSize, workgroupInvocations }: Limits): GatherTuning[] {
  const columns = channels % 4 === 0 ? channels / 4 : channels;
  const lanes = Math.min(8, 2 ** Math.ceil(Math.log2(columns)));
  const broadcast = [32, 16].map((rows): GatherTuning => ({
    family: "broadcast",
    rows,
    lanes: BROADCAST_LANES,
    stores: 4,
  }));
  const direct: GatherTuning[] = [
    { family: "direct", rows: 4, vectors: 1, lanes, groups: 64 / lanes },
    { family: "direct", rows: 4, vectors: 2, lanes, groups: 64 / lanes },
  ];
  return [...(subgroupSize === BROADCAST_LANES ? broadcast : []), ...direct]
    .filter((tuning) => tuning.family !== "direct" || tuning.lanes * tuning.groups <= workgroupInvocations);
}

/** Bindings: input, weights [slices, in, out], bias if any, output. */
export function gatherShader(problem: GatherConv, tuning: GatherTuning): Shader {
  return tuning.family === "direct" ? gatherDirectShader(problem, tuning) : gatherBroadcastShader(problem, tuning);
}
