/** The options by which commands open a device and choose kernels, and the tuner that they ask for. */
import { type Context, openDevice } from "../core/device/device.ts";
import { UserError } from "../core/host/errors.ts";
import { exit, onInterrupt } from "../core/host/process.ts";
import { cachedTuner, searchTuner } from "../core/tune/tune.ts";
import type { Outcome } from "../core/tune/tune_search.ts";
import { openTuneCache } from "../core/tune/tune_cache.ts";
import { defaultTuner, type Tuner } from "../core/graph/tuner.ts";
import { tunedSeconds } from "../report/tuning_table.ts";
import type { Arguments, Option } from "./arguments.ts";
import type { ProgressLine } from "./progress.ts";

export const DEVICE_OPTIONS: readonly Option[] = [
  { name: "exact", value: null, help: "only kernels that sum the products of the definition, so no Winograd" },
  { name: "safe", value: null, help: "leave Dawn's bounds checks and other guards on" },
  {
    name: "matrix",
    value: null,
    help: "half precision: let the tuner try matrix units too, in kernels that have not run on hardware yet",
  },
];

export const TUNE_OPTIONS: readonly Option[] = [
  {
    name: "tune",
    value: "MODE",
    help: "kernels: off (defaults), cached (the fastest known), search (measure unknown ones first); " +
      "default: search on a GPU, cached on a CPU",
  },
  { name: "tune-budget", value: "SECONDS", help: "most time for that search; default: 60" },
];

export const DEFAULT_BUDGET = 60;

export async function openDeviceFor(args: Arguments): Promise<Context> {
  return await openDevice({ exact: args.flag("exact"), safe: args.flag("safe"), matrix: args.flag("matrix") });
}

function modeOf(args: Arguments, { limits: { software } }: Context) {
  const budget = args.text("tune-budget") !== null;
  const mode = args.word("tune", ["off", "cached", "search"]) ?? (software && !budget ? "cached" : "search");
  if (budget && mode !== "search") throw new UserError(`--tune-budget cannot be used with --tune ${mode}`);
  return mode;
}

/**
 * The tuner of `--tune` and `--tune-budget`. While it searches, Ctrl-C ends the process only once the candidate in hand
 * is done, so that it does not count as one that ended the process.
 */
export async function tunerOf(context: Context, args: Arguments, screen: ProgressLine): Promise<Tuner> {
  const mode = modeOf(args, context), budgetSeconds = args.integer("tune-budget", 1) ?? DEFAULT_BUDGET;
  if (mode === "off") return defaultTuner(context.limits);
  const cache = await openTuneCache(context.scope, screen.line);
  if (mode === "cached") return cachedTuner(context, cache, screen.line);
  let interrupted = false, start = 0;
  const tuner = searchTuner(context, cache, {
    budgetSeconds,
    warn: screen.line,
    stop: () => interrupted,
    onCandidate: () => screen.report("Tuning kernels", (performance.now() - start) / 1000 / budgetSeconds),
    onSearched: (outcomes, seconds) => {
      const summary = searchSummary(outcomes, seconds, budgetSeconds);
      if (summary !== null) screen.line(summary);
    },
  });
  return {
    ...tuner,
    async prepare(ops) {
      start = performance.now();
      const stopListening = onInterrupt(() => {
        if (interrupted) exit(130);
        interrupted = true;
      });
      await tuner.prepare!(ops);
      stopListening();
      if (interrupted) exit(130);
    },
  };
}

/** Looking up what is known takes less. */
const NOTHING_SECONDS = 1;

/** "Tuned 12 of 20 kernels in 31.2 s: ...", or null where there was nothing to search. */
export function searchSummary(outcomes: readonly Outcome[], seconds: number, budgetSeconds: number): string | null {
  const searched = outcomes.filter(({ measured }) => measured > 0);
  const unknown = outcomes.filter(({ entry }) => entry.winner === null).length;
  const missing = unknown === 0 ? "" : `; ${unknown} not measured in ${budgetSeconds} s, --tune-budget N allows more`;
  if (searched.length === 0) return seconds < NOTHING_SECONDS ? null : `Tuned no kernel${missing}`;
  const candidates = searched.reduce((sum, { measured }) => sum + measured, 0);
  const { before, after } = tunedSeconds(searched);
  return `Tuned ${searched.length} of ${outcomes.length} kernels in ${
    seconds.toFixed(1)
  } s, ${candidates} candidates: ` +
    `once through them ${(1000 * before).toFixed(1)} -> ${(1000 * after).toFixed(1)} ms${missing}`;
}
