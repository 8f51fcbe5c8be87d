/** Which folder a command reads its data set from: the one that is named, else the cache's, downloaded if need be. */
import { environment, exit, onInterrupt } from "../core/host/process.ts";
import { cacheDirectory, exists } from "../core/host/files.ts";
import type { DatasetConfig } from "../data/dataset_config.ts";
import { datasetKinds } from "../data/datasets/mod.ts";
import { obtain } from "../data/obtain.ts";
import type { Arguments, Option } from "./arguments.ts";
import type { ProgressLine } from "./progress.ts";

export const DATA_OPTION: Option = {
  name: "data",
  value: "DIR",
  help: "folder of the data set's files; default: the variable ALLCNN_DATA, else they are downloaded",
};

const namedFolder = (args: Arguments) => args.text("data") ?? (environment("ALLCNN_DATA") || null);
const cache = () => `${cacheDirectory()}/data`;

/** Can a data set be read without a download? */
export async function isAtHand(args: Arguments, { name }: DatasetConfig): Promise<boolean> {
  const { files, archive } = datasetKinds.get(name);
  if (files === null || namedFolder(args) !== null) return true;
  return archive !== undefined && await exists(`${cache()}/${archive.folder}`);
}

/** The folder, or null for a data set without files. Ctrl-C ends a download, and the process. */
export async function dataFolder(
  args: Arguments,
  { name }: DatasetConfig,
  screen: ProgressLine,
): Promise<string | null> {
  const { files, archive } = datasetKinds.get(name);
  if (files === null) return null;
  const named = namedFolder(args);
  if (named !== null || archive === undefined) return named;
  const stop = new AbortController();
  const stopListening = onInterrupt(() => stop.signal.aborted ? exit(130) : stop.abort());
  try {
    const server = environment("ALLCNN_MIRROR") || archive.server;
    const { report, line } = screen;
    const { signal } = stop;
    const folder = await obtain(archive, cache(), { server, signal, report, line });
    signal.throwIfAborted(); // while it unpacked
    return folder;
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    screen.line("Stopped; the next start goes on with the download");
    exit(130);
  } finally {
    stopListening();
  }
}
