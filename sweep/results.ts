/** What the cells of a sweep say: the chosen grid point of each config, by either protocol, and its test error. */
import { deviation, mean } from "../report/trained_run.ts";
import type { CellRecord, Protocol, Result, SweepRecord, Values } from "./record.ts";
import { isOver } from "./record.ts";

/** A grid point, and the mean error that speaks for it. */
interface Choice {
  readonly values: Values;
  readonly error: number;
  /** Are the cells of all points over? */
  readonly complete: boolean;
}

const keyOf = (values: Values) => JSON.stringify(Object.entries(values).sort(([a], [b]) => a < b ? -1 : 1));

export function samePoint(a: Values, b: Values): boolean {
  return keyOf(a) === keyOf(b);
}

function groups<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const result = new Map<string, T[]>();
  for (const item of items) result.set(keyOf(item), [...result.get(keyOf(item)) ?? [], item]);
  return result;
}

/**
 * The point with the least mean error over its seeds; one of which no seed diverged or failed comes before any that has
 * such a seed. Null where nothing is done yet. Of equals the first.
 */
function choose(cells: readonly CellRecord[], errorOf: (cell: CellRecord) => number | null): Choice | null {
  const points = [...groups(cells, ({ values }) => keyOf(values)).values()].flatMap((group) => {
    const errors = group.flatMap((cell) => cell.state === "done" ? errorOf(cell) ?? [] : []);
    const lost = group.filter(({ state }) => state === "diverged" || state === "failed").length;
    return errors.length === 0 ? [] : [{ values: group[0]!.values, error: mean(errors), lost }];
  });
  const [best] = points.sort((a, b) => a.lost - b.lost || a.error - b.error);
  return best === undefined ? null : { ...best, complete: cells.every(({ state }) => isOver(state)) };
}

/** The choice by held-out images among the cells of one config. */
export function chooseHeldOut(cells: readonly CellRecord[]): Choice | null {
  return choose(cells.filter(({ data }) => data === "heldOut"), ({ heldOutError }) => heldOutError);
}

/** The results of each config, the paper's protocol first. */
export function resultsOf({ protocol, cells }: Pick<SweepRecord, "protocol" | "cells">): Result[] {
  const protocols: readonly Protocol[] = protocol === "both" ? ["paper", "sound"] : [protocol];
  return [...groups(cells, ({ config }) => config)].flatMap(([config, own]) => {
    const all = own.filter(({ data }) => data === "all");
    return protocols.flatMap((each) => {
      const choice = each === "paper" ? choose(all, ({ testError }) => testError) : chooseHeldOut(own);
      if (choice === null) return [];
      const chosen = all.filter(({ values }) => samePoint(values, choice.values));
      const errors = chosen.flatMap(({ state, testError }) => state === "done" ? testError ?? [] : []);
      return [{
        config,
        protocol: each,
        values: choice.values,
        complete: choice.complete && chosen.length > 0 && chosen.every(({ state }) => isOver(state)),
        chosenBy: choice.error,
        cells: chosen.map(({ id }) => id),
        testError: errors.length === 0 ? null : mean(errors),
        deviation: deviation(errors),
      }];
    });
  });
}
