/** `allcnn sweep`: every config with every value of a grid, in this process or with workers on other machines. */
import { exit, onInterrupt } from "../core/host/process.ts";
import { absolutePath } from "../core/host/files.ts";
import { networkInfo } from "../explain/network_info.ts";
import { checkDisk } from "../sweep/disk.ts";
import { driveSweep } from "../sweep/drive.ts";
import { localExecutor } from "../sweep/executor.ts";
import { PAPER_GRID } from "../sweep/grid.ts";
import { readOutcome } from "../sweep/outcome.ts";
import { countCells, planSweep, type SweepPlan } from "../sweep/plan.ts";
import { queueExecutor } from "../sweep/queue.ts";
import { lockRun } from "../training/run_lock.ts";
import { type Arguments, CONFIG_DETAILS } from "./arguments.ts";
import type { Command } from "./command.ts";
import { commandLine } from "./command_line.ts";
import { DATA_OPTION } from "./data_folder.ts";
import { type ProgressLine, progressLine } from "./progress.ts";
import { cellOptions } from "./sweep_cells.ts";
import { resultLine, type Work } from "./sweep_table.ts";
import { sweepScreen } from "./sweep_screen.ts";
import { workCommand } from "./sweep_work.ts";
import { SETTING_OPTIONS, settingsOf } from "./settings.ts";
import { DEVICE_OPTIONS, TUNE_OPTIONS } from "./tuning_options.ts";

export const sweep: Command = {
  goesOn: true,
  usage: {
    command: "sweep",
    positionals: ["CONFIG..."],
    summary: "Trains every config with every value of a grid, and says which is best. The same command goes on.",
    details:
      `${CONFIG_DETAILS}\nallcnn sweep work --jobs URL trains the runs of sweeps that were started with --jobs URL.`,
    options: [
      DATA_OPTION,
      {
        name: "grid",
        value: "path=a,b",
        help: `values of a setting; several multiply; default: ${PAPER_GRID}`,
        repeat: true,
      },
      { name: "seeds", value: "N", help: "seeds 0 to N - 1 of every run; default: 1" },
      { name: "out", value: "DIR", help: "folder of the sweep; default: runs/sweep" },
      {
        name: "protocol",
        value: "P",
        help: "paper: choose by test error; sound: on held-out training images, then train on all; default: both",
      },
      { name: "hold-out", value: "N", help: "training images held out by the sound protocol; default: 5000" },
      ...SETTING_OPTIONS,
      { name: "jobs", value: "URL", help: "hand the runs to workers through Redis, as redis://HOST:6379" },
      { name: "silence", value: "SECONDS", help: "of work: a silent worker counts as dead after that; default: 60" },
      ...TUNE_OPTIONS,
      ...DEVICE_OPTIONS,
    ],
  },
  run: async (args) => await (args.positional(0) === "work" ? workCommand(args) : sweepCommand(args)),
};

async function sweepCommand(args: Arguments): Promise<number> {
  const screen = progressLine(), out = args.text("out") ?? "runs/sweep", plan = await planOf(args);
  const lock = await lockRun(out, screen.line);
  try {
    await checkDisk(out, await unfinished(plan, out));
    return await runSweep(args, screen, plan, out);
  } finally {
    await lock.release();
  }
}

async function planOf(args: Arguments): Promise<SweepPlan> {
  const grids = args.list("grid");
  return await planSweep({
    configs: args.positionals(0),
    settings: settingsOf(args),
    grids: grids.length === 0 ? [PAPER_GRID] : grids,
    seeds: args.integer("seeds", 1) ?? 1,
    protocol: args.word("protocol", ["paper", "sound", "both"]) ?? "both",
    holdOut: args.integer("hold-out", 1) ?? 5000,
  });
}

/** The cells that the disk must still have room for. */
async function unfinished(plan: SweepPlan, out: string) {
  const over = await Promise.all(plan.cells.map(({ cell }) => readOutcome(`${out}/${cell.folder}`)));
  const data = plan.protocol === "paper" ? ["all"] : plan.protocol === "sound" ? ["heldOut"] : ["all", "heldOut"];
  return plan.cells.filter(({ cell }, index) => data.includes(cell.data) && over[index]?.state !== "done");
}

/** Of each run: multiplications of an image, or of as many as are asked for, whose number is then the same for all. */
function workOf({ cells }: SweepPlan): Work {
  return new Map(cells.map(({ cell, config }) => {
    const multiplications = networkInfo(config).reduce((sum, layer) => sum + layer.multiplications, 0);
    return [cell.id, multiplications * (config.dataset.trainExamples ?? 1)];
  }));
}

async function runSweep(args: Arguments, plain: ProgressLine, plan: SweepPlan, out: string): Promise<number> {
  const total = countCells(plan), url = args.text("jobs"), screen = sweepScreen(plain, { total, work: workOf(plan) });
  let interrupts = 0;
  const interrupted = () => interrupts > 0;
  const listen = () =>
    onInterrupt(() => {
      if (++interrupts > 1) exit(130);
      screen.line(url === null ? "Stopping after this step; once more leaves at once" : "Stopping");
    });
  plain.line(`Sweep of ${total} runs into ${out}; Ctrl-C saves, the same command goes on`);
  const queue = url === null ? null : await queueExecutor({
    url,
    out: absolutePath(out),
    line: screen.line,
    onProgress: screen.progress,
    interrupted,
  });
  const executor = queue ?? localExecutor(
    { ...cellOptions(args, screen, listen), out, interrupted },
    (id, reason, last) => last || screen.line(`${id}: ${reason}; trying once more`),
  );
  const stopListening = queue === null ? () => {} : listen();
  try {
    const record = await driveSweep({ plan, out, executor, interrupted, onChange: screen.change });
    screen.end(record);
    for (const result of record.results) plain.result(resultLine(result));
    if (interrupted()) {
      plain.line(
        url === null
          ? "Stopped. The same command goes on"
          : "Stopped watching. Workers go on; the same command looks again",
      );
      return 130;
    }
    const failed = record.cells.filter(({ state }) => state === "failed").length;
    plain.line(
      failed > 0
        ? `Failed: ${failed}; the same command tries again: ${out}/sweep.json`
        : `Done: ${out}/sweep.json. The paper's tables with it: ${commandLine("report", [out])}`,
    );
    return failed === 0 ? 0 : 1;
  } finally {
    stopListening();
    await queue?.close();
  }
}
