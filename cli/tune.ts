/** `allcnn tune`: searches the fastest kernels for a config's training step, or for one convolution. */
import type { Context } from "../core/device/device.ts";
import { UserError } from "../core/host/errors.ts";
import type { Op } from "../core/graph/op.ts";
import { measurePeaks, type Peaks } from "../core/measure/peaks.ts";
import { exit, onInterrupt, print, terminalColumns } from "../core/host/process.ts";
import { readText, writeFile } from "../core/host/files.ts";
import { tuneOps } from "../core/tune/tune.ts";
import type { Outcome } from "../core/tune/tune_search.ts";
import { openTuneCache, type TuneCache } from "../core/tune/tune_cache.ts";
import { emptyEntry, type Entry } from "../core/tune/tune_entry.ts";
import { tasksOf } from "../core/tune/tune_task.ts";
import { tuningReport } from "../report/tuning_report.ts";
import { chosenRows, type Known, taskName, tuningLine, tuningTable } from "../report/tuning_table.ts";
import { type Arguments, CONFIG_DETAILS, SET_OPTION } from "./arguments.ts";
import type { Command } from "./command.ts";
import { CONV_SHAPE } from "./conv_ops.ts";
import { liveTable } from "./live_table.ts";
import { OP_OPTIONS, selectOps } from "./select_ops.ts";
import { DEFAULT_BUDGET, DEVICE_OPTIONS, openDeviceFor } from "./tuning_options.ts";
import { type Subject, subjectOf } from "./tune_subject.ts";
import { counted, gainLine, printRefused, sources } from "./tune_text.ts";
import { OPTION_WORDS } from "./words.ts";

export const tune: Command = {
  usage: {
    command: "tune",
    positionals: ["CONFIG?"],
    summary: "Finds the fastest kernels of a training step, or of one convolution, on this device.",
    details: CONFIG_DETAILS,
    options: [
      { name: "budget", value: "SECONDS", help: `most time for the search; default: ${DEFAULT_BUDGET}` },
      { name: "batch", value: "N", help: "examples per step; default: the config's" },
      SET_OPTION,
      ...OP_OPTIONS,
      { name: "fresh", value: null, help: "forget what was measured of these ops before" },
      { name: "show", value: null, help: "print the WGSL of each winner" },
      { name: "report", value: "FILE", help: "write a page with a chart of all candidates of each op (HTML)" },
      { name: "export", value: "FILE", help: "write everything measured on this device as one file" },
      { name: "import", value: "FILE", help: "first take over such a file, from the same kind of device and driver" },
      ...DEVICE_OPTIONS,
    ],
  },
  run: tuneCommand,
};

/** Takes over what another machine exported. Throws `UserError` where the file is damaged, or of another kind of device. */
export async function importFrom(path: string, cache: TuneCache, line: (text: string) => void): Promise<void> {
  let entries: unknown;
  try {
    ({ entries } = JSON.parse(await readText(path)));
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`Cannot import "${path}": it is not valid JSON`);
  }
  if (!Array.isArray(entries)) throw new UserError(`Cannot import "${path}": it was not written by --export`);
  await cache.add(entries as Entry[], path);
  line(`Imported ${entries.length} measured kernels from ${path}`);
}

async function exportTo(path: string, cache: TuneCache, description: string): Promise<void> {
  const entries = await cache.all();
  await writeFile(path, `${JSON.stringify({ device: description, entries }, null, 1)}\n`);
  print(`Exported ${entries.length} measured kernels to ${path}`);
}

async function tuneCommand(args: Arguments): Promise<number> {
  const budget = args.integer("budget", 1) ?? DEFAULT_BUDGET, page = args.text("report");
  const exported = args.text("export"), imported = args.text("import");
  if (args.positional(0) === null && args.text("conv") === null && exported === null && imported === null) {
    throw new UserError(
      `CONFIG is missing: name a YAML file, or a config that comes along, as allcnn-c, or --conv ${CONV_SHAPE}`,
    );
  }
  const context = await openDeviceFor(args);
  print(`Device: ${context.description}`);
  const cache = await openTuneCache(context.scope, print);
  if (imported !== null) await importFrom(imported, cache, print);
  const subject = await subjectOf(context, args);
  if (subject !== null) {
    const ops = selectOps(subject.ops, args.text("only"));
    if (args.flag("fresh")) { for (const task of await tasksOf(ops, context.limits)) await cache.remove(task); }
    const peaks = await measurePeaks(context);
    const { outcomes, seconds, interrupted } = await search(context, ops, cache, peaks, budget);
    print(`${tuningTable(outcomes, peaks)}\n`);
    printRefused(outcomes);
    if (args.flag("show")) outcomes.forEach((outcome) => print(sources(outcome)));
    print(`Searched ${seconds.toFixed(1)} s of ${budget}, ${counted(outcomes)}; kept in ${cache.folder}`);
    const step = interrupted ? null : await compared(subject, cache, outcomes);
    if (page !== null) {
      const head = { title: subject.title, device: context.description, step, seconds, budget };
      await writeFile(page, tuningReport(outcomes, peaks, head));
      print(`Report: ${page}`);
    }
    if (exported !== null) await exportTo(exported, cache, context.description);
    context.check();
    print(gainLine(subject.title, outcomes, step));
    context.close();
    return interrupted ? 130 : 0;
  }
  if (exported !== null) await exportTo(exported, cache, context.description);
  context.close();
  return 0;
}

/** Searches with a live table; Ctrl-C ends the search after the candidate in hand, a second one the process. */
async function search(
  context: Context,
  ops: readonly Op[],
  cache: TuneCache,
  peaks: Peaks,
  budgetSeconds: number,
): Promise<{ outcomes: readonly Outcome[]; seconds: number; interrupted: boolean }> {
  const table = liveTable(), start = performance.now(), elapsed = () => (performance.now() - start) / 1000;
  const known = new Map<string, Known>(
    (await tasksOf(ops, context.limits)).map((task) => [task.key, { task, entry: emptyEntry(task, cache.scope) }]),
  );
  const draw = (busy: Known["task"]) =>
    table.draw(() =>
      `${tuningTable([...known.values()], peaks, busy)}\n${elapsed().toFixed(0)} s of ${budgetSeconds}: ${
        taskName(busy)
      }`
    );
  const printed = new Map<string, number>();
  let interrupts = 0;
  const stopListening = onInterrupt(() => {
    if (++interrupts > 1) exit(130);
    table.clear();
    print("Stopping after this candidate; once more leaves at once");
  });
  const outcomes = await tuneOps(context, ops, cache, {
    seconds: budgetSeconds,
    spent: 0,
    again: true,
    stop: () => interrupts > 0,
    onCandidate: (task, entry) => {
      // Equal problems are one task here and there, whose objects differ.
      known.set(task.key, { task: known.get(task.key)!.task, entry });
      draw(task);
    },
    onOutcome: ({ task, entry, measured }) => {
      known.set(task.key, { task, entry });
      if (terminalColumns() !== null || measured === (printed.get(task.key) ?? 0)) return;
      printed.set(task.key, measured); // a later pass that tried nothing more says nothing more
      print(tuningLine({ task, entry }, peaks));
    },
  });
  stopListening();
  table.clear();
  return { outcomes, seconds: elapsed(), interrupted: interrupts > 0 };
}

/** Seconds of the step with defaults and with winners, or null where there is none or nothing differs. */
async function compared(
  { compare }: Subject,
  cache: TuneCache,
  outcomes: readonly Outcome[],
): Promise<readonly number[] | null> {
  const differ = outcomes.some((outcome) => chosenRows(outcome).best !== chosenRows(outcome).basis);
  if (compare === null || !differ) return null;
  try {
    return await compare(cache, new Set(outcomes.map(({ task }) => task.key)));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    print(`The whole step was not timed: ${error.inWords(OPTION_WORDS)}`); // two plans do not fit, for example
    return null;
  }
}
