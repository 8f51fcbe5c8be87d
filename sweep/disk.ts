/** How much disk a sweep will need. */
import { mebibytes } from "../core/host/memory.ts";
import { UserError } from "../core/host/errors.ts";
import { elements } from "../core/graph/tensor.ts";
import { freeBytes, makeDirectory } from "../core/host/files.ts";
import { imageShape } from "../data/datasets/mod.ts";
import { isFitted } from "../data/transforms/mod.ts";
import { momentsOf, parameterSpecs } from "../training/session.ts";
import type { PlannedCell } from "./plan.ts";

/** Config, metrics and curves, about. */
const SMALL_FILES = 2 ** 18;

/** Bytes of one checkpoint: parameters and the optimizer's moments of them. */
function checkpointBytes({ config }: PlannedCell): number {
  const parameters = Object.values(parameterSpecs(config)).reduce((sum, { shape }) => sum + elements(shape), 0);
  return 4 * parameters * (1 + momentsOf(config.training).length);
}

/** Bytes that the runs of `cells` will take together: two checkpoints each, and one more while one is written. */
export function bytesOf(cells: readonly PlannedCell[]): number {
  const kept = cells.reduce((sum, cell) => {
    const { dataset } = cell.config, pixels = elements(imageShape(dataset));
    return sum + 2 * checkpointBytes(cell) + (isFitted(dataset) ? 4 * (pixels ** 2 + pixels) : 0) + SMALL_FILES;
  }, 0);
  return kept + cells.reduce((most, cell) => Math.max(most, checkpointBytes(cell)), 0);
}

/** Throws `UserError` where the disk of `out` has not enough space for the runs of `cells`. */
export async function checkDisk(out: string, cells: readonly PlannedCell[]): Promise<void> {
  await makeDirectory(out);
  const needed = bytesOf(cells), free = await freeBytes(out);
  if (free === null || needed <= free) return;
  throw new UserError(
    `Cannot start in "${out}": its ${cells.length} runs need about ${mebibytes(needed)} of disk, ${mebibytes(free)} ` +
      "are free; free some, choose another disk with --out, or sweep less",
  );
}
