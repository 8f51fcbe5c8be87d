/** Which cells a sweep has: at first those of the whole grid; once a rate is chosen, those that retrain with it. */
import { loadConfig } from "../configs/load.ts";
import type { Config } from "../configs/schema.ts";
import { UserError } from "../core/host/errors.ts";
import { cellOf, dataOfGrid, gridPoints, settingsOfPoint } from "./grid.ts";
import type { Cell, CellRecord, Protocol } from "./record.ts";
import { chooseHeldOut, samePoint } from "./results.ts";

/** A cell, and the config that it trains, its seed aside. */
export interface PlannedCell {
  readonly cell: Cell;
  readonly config: Config;
}

export interface SweepPlan {
  readonly protocol: Protocol | "both";
  /** Names, in order. */
  readonly configs: readonly string[];
  /** Of all seeds and grid points, trained on all images and with some held out. */
  readonly cells: readonly PlannedCell[];
}

export interface PlanOptions {
  /** Paths or names of configs. */
  readonly configs: readonly string[];
  /** `path=value` for all of them. */
  readonly settings: readonly string[];
  /** `path=value,value` each; they multiply. */
  readonly grids: readonly string[];
  /** Seeds 0 ... seeds - 1. */
  readonly seeds: number;
  readonly protocol: Protocol | "both";
  /** Training images. */
  readonly holdOut: number;
}

/** Loads every config at every grid point. Throws `UserError` where one of them is not valid, or two cannot be told apart. */
export async function planSweep(options: PlanOptions): Promise<SweepPlan> {
  const { settings, seeds, holdOut, protocol } = options, points = gridPoints(options.grids);
  const cells: PlannedCell[] = [], names: string[] = [];
  for (const path of options.configs) {
    const plain = await loadConfig(path, settings); // what is wrong from here on is the grid's fault
    if (names.includes(plain.name)) {
      throw new UserError(`Cannot sweep ${path}: another config is named ${plain.name} too`);
    }
    if (plain.dataset.holdOut !== undefined) {
      throw new UserError(`Cannot sweep ${path}: it sets dataset.holdOut, which is what --hold-out is for`);
    }
    names.push(plain.name);
    for (const data of ["heldOut", "all"] as const) {
      const held = data === "heldOut" ? [`dataset.holdOut=${holdOut}`] : [];
      for (const values of points) {
        const config = await loadConfig(path, [...settings, ...held, ...settingsOfPoint(values)]).catch(asGridError);
        if (config.name !== plain.name) throw new UserError("Cannot use --grid with name: it names the runs' folders");
        const { epochs = 0, iterations } = config.training;
        if (epochs === 0 || iterations !== undefined) {
          throw new UserError(
            `Cannot sweep ${path}: a run of a sweep is as long as training.epochs says, 1 or more alone`,
          );
        }
        for (let seed = 0; seed < seeds; seed++) {
          cells.push({ cell: cellOf(config, values, seed, data, epochs), config });
        }
      }
    }
  }
  const seen = new Set<string>();
  for (const { cell } of cells) {
    const id = cell.id.toLowerCase(); // some disks do not tell cases apart
    if (seen.has(id)) throw new UserError(`Cannot tell two runs of this grid apart: both would be "${cell.id}"`);
    seen.add(id);
  }
  return { protocol, configs: names, cells };
}

function asGridError(error: unknown): never {
  if (!(error instanceof UserError)) throw error;
  throw new UserError((words) => error.inWords({ ...words, setting: (text) => `--grid ${text}` }));
}

/** What is to be trained as far as it is known by now; `records` say what became of the cells. */
export function cellsOf({ protocol, configs, cells }: SweepPlan, records: readonly CellRecord[]): PlannedCell[] {
  const data = dataOfGrid(protocol);
  return configs.flatMap((name) => {
    const own = cells.filter(({ cell }) => cell.config === name);
    const grid = data.flatMap((each) => own.filter(({ cell }) => cell.data === each));
    if (data.includes("all")) return grid;
    const planned = new Set(own.map(({ cell }) => cell.id)); // an earlier grid may have had more
    const choice = chooseHeldOut(records.filter(({ id }) => planned.has(id)));
    if (choice === null || !choice.complete) return grid;
    return [...grid, ...own.filter(({ cell }) => cell.data === "all" && samePoint(cell.values, choice.values))];
  });
}

/** How many runs there will be, those included that are only known once a rate is chosen. */
export function countCells(plan: SweepPlan): number {
  const all = plan.cells.filter(({ cell }) => dataOfGrid(plan.protocol).includes(cell.data));
  const seeds = new Set(plan.cells.map(({ cell }) => cell.seed)).size;
  return all.length + (plan.protocol === "sound" ? plan.configs.length * seeds : 0);
}
