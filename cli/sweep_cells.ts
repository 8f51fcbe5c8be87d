/** What training the cells of a sweep takes from the command line. */
import type { Config } from "../configs/schema.ts";
import type { CellOptions } from "../sweep/run_cell.ts";
import type { Status } from "../training/status.ts";
import type { Arguments } from "./arguments.ts";
import { dataFolder } from "./data_folder.ts";
import { type ProgressLine, progressLine } from "./progress.ts";
import { openDeviceFor, tunerOf } from "./tuning_options.ts";

/** Where a cell's lines go. */
export interface CellScreen extends Pick<ProgressLine, "line" | "report"> {
  status(id: string, status: Status): void;
}

/** `listen` listens for Ctrl-C until what it returns is called: training alone can obey, before it there is nothing to save. */
export function cellOptions(args: Arguments, screen: CellScreen, listen: () => () => void) {
  let stopListening = () => {};
  const folders = new Map<string, Promise<string | null>>(); // looked for, or downloaded, once
  const plain: ProgressLine = { ...progressLine(), line: screen.line, report: screen.report };
  return {
    directory: (config: Config) => {
      const { name } = config.dataset, found = folders.get(name) ?? dataFolder(args, config.dataset, plain);
      folders.set(name, found);
      return found;
    },
    open: () => openDeviceFor(args),
    tuner: (context: Parameters<CellOptions["tuner"]>[0]) => tunerOf(context, args, plain),
    line: screen.line,
    report: screen.report,
    status: screen.status,
    onTraining: (trains: boolean) => {
      stopListening();
      stopListening = trains ? listen() : () => {};
    },
  };
}
