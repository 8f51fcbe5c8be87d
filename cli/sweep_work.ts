/** `allcnn sweep work`: trains the runs that sweeps on any machine hand out through Redis. */
import { UserError } from "../core/host/errors.ts";
import { exit, onInterrupt } from "../core/host/process.ts";
import { addressOf } from "../sweep/redis.ts";
import { work } from "../sweep/worker.ts";
import type { Arguments } from "./arguments.ts";
import { progressLine } from "./progress.ts";
import { cellOptions } from "./sweep_cells.ts";

/** Options of the sweep itself, which the machine that hands out decides. */
const NOT_HERE = ["grid", "seeds", "out", "protocol", "hold-out", "set"];

export async function workCommand(args: Arguments): Promise<number> {
  const url = args.text("jobs"), screen = progressLine(), [, extra] = args.positionals(0);
  if (url === null) throw new UserError("allcnn sweep work needs --jobs URL, the Redis that hands out the runs");
  if (extra !== undefined) {
    throw new UserError(`Unexpected argument "${extra}": allcnn sweep work trains what it is handed`);
  }
  const wrong = NOT_HERE.find((name) =>
    name === "grid" || name === "set" ? args.list(name).length > 0 : args.text(name) !== null
  );
  if (wrong !== undefined) throw new UserError(`--${wrong} cannot be used with sweep work: the sweep itself says that`);
  let interrupts = 0;
  onInterrupt(() => {
    if (++interrupts > 1) exit(130);
    screen.line("Stopping after this step; once more leaves at once");
  });
  const options = cellOptions(args, { ...screen, status: (_, status) => screen.status(status) }, () => () => {});
  await work({
    ...options,
    url,
    silenceSeconds: args.integer("silence", 1) ?? 60,
    interrupted: () => interrupts > 0,
    onOutcome: (id, { state, reason, testError, heldOutError }) => {
      const error = testError ?? heldOutError;
      screen.line(`${id}: ${reason ?? (error === null ? state : `${state}, error ${error.toFixed(2)} %`)}`);
    },
    onReady: () => screen.line(`Waiting for runs from ${addressOf(url)}; Ctrl-C ends`),
  });
  return 0;
}
