/** A run from start to end; after a lost device, all of it again from the last checkpoint. */
import type { Config } from "../configs/schema.ts";
import type { Context } from "../core/device/device.ts";
import { DeviceLostError, UserError } from "../core/host/errors.ts";
import { pause } from "../core/host/process.ts";
import * as folder from "./run_folder.ts";
import { readMetrics, readSteps } from "./run_records.ts";
import { runOnDevice } from "./run_on_device.ts";
import type { Resumed, RunOptions } from "./run_options.ts";

/** A driver needs a moment after it was reset. */
const RETRY_SECONDS = [1, 5, 20];

/**
 * Trains until the config's last epoch. Where the device is lost, opens it again and goes on from the last checkpoint,
 * which gives the same bytes; gives up where one loss follows the other without a new checkpoint. Returns false where it
 * was interrupted; the state is saved then. Throws `UserError`.
 */
export async function trainRun(options: RunOptions): Promise<boolean> {
  const { screen, out, retrySeconds = RETRY_SECONDS } = options;
  let { resumed } = options, losses = 0, reached = -1;
  for (;;) {
    let context: Context | null = null;
    try {
      context = await options.open();
      screen.line(`Device: ${context.description}`);
      return await runOnDevice(options, context, resumed);
    } catch (error) {
      // What else fails while the device is gone fails because of it; so does opening it too early.
      const lost = context === null ? losses > 0 ? error : null : await lossBehind(context, error);
      if (!(lost instanceof UserError)) throw error;
      resumed = await savedState(options) ?? resumed;
      const step = resumed?.checkpoint.progress?.step ?? -1,
        seconds = retrySeconds[step > reached ? losses = 0 : losses];
      if (seconds === undefined) {
        const [times, begun] = [losses, resumed !== null];
        throw new UserError((words) =>
          `${lost.inWords(words)}, ${times} times without a new checkpoint; once it works, ` +
          (begun ? `go on with ${words.run(out)}` : "start again")
        );
      }
      [losses, reached] = [losses + 1, step];
      const from = step < 0 ? "starting again" : `going on from step ${step}`;
      screen.line(`${lost.message}: opening it again in ${seconds} s, ${from}`);
      await pause(seconds);
      if (options.interrupted()) return false;
    } finally {
      context?.close();
    }
  }
}

/** The loss of the device that made something fail, or null. */
async function lossBehind(context: Context, error: unknown): Promise<DeviceLostError | null> {
  if (error instanceof DeviceLostError) return error;
  await pause(0.1); // an operation may fail before the loss is heard of
  try {
    context.check();
  } catch (reported) {
    if (reported instanceof DeviceLostError) return reported;
  }
  return null;
}

/** What the folder of this run holds by now, or null before its first checkpoint. */
export async function savedState(
  { out, config, screen }: {
    readonly out: string;
    readonly config: Config;
    readonly screen: Pick<RunOptions["screen"], "line">;
  },
): Promise<Resumed | null> {
  if (!(await folder.holdsCheckpoint(out))) return null;
  return {
    config,
    checkpoint: await folder.latestCheckpoint(out, screen.line),
    rows: await readMetrics(out),
    stepRows: await readSteps(out),
  };
}
