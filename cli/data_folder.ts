/** Which folder a command reads its data set from: the one that is named, else the cache's, downloaded if need be. */
import type { DatasetConfig } from "../configs/schema.ts";
import { environment, exit, onInterrupt } from "../core/host/process.ts";
import { cacheDirectory } from "../core/host/files.ts";
import { ARCHIVES, OFFICIAL_SERVER } from "../data/archives.ts";
import { obtain } from "../data/obtain.ts";
import type { Arguments, Option } from "./arguments.ts";
import type { ProgressLine } from "./progress.ts";

export const DATA_OPTION: Option = {
  name: "data",
  value: "DIR",
  help: "folder of the data set's files; default: the variable ALLCNN_DATA, else they are downloaded",
};

/** The folder, or null for a data set without files. Ctrl-C ends a download, and the process. */
export async function dataFolder(
  args: Arguments,
  { name }: DatasetConfig,
  screen: ProgressLine,
): Promise<string | null> {
  if (name === "shapes") return null;
  const named = args.text("data") ?? (environment("ALLCNN_DATA") || null);
  if (named !== null || name === "imageFolder") return named;
  const stop = new AbortController();
  const stopListening = onInterrupt(() => stop.signal.aborted ? exit(130) : stop.abort());
  try {
    const server = environment("ALLCNN_MIRROR") || OFFICIAL_SERVER;
    const { report, line } = screen;
    const { signal } = stop;
    const folder = await obtain(ARCHIVES[name], `${cacheDirectory()}/data`, { server, signal, report, line });
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
