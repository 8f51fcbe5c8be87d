/** What a user sees while long work runs: a line that redraws itself on a terminal, whole lines elsewhere. */
import { print, printError, printOver, terminalColumns } from "../core/host/process.ts";
import type { EpochMetrics } from "../report/metrics.ts";
import type { Status } from "../training/status.ts";

export interface ProgressLine {
  /** Shows work in progress; without a terminal only the start of each kind of work. */
  report(message: string, done: number): void;
  status(status: Status): void;
  epoch(row: EpochMetrics, epochs: number): void;
  /** Prints a whole line about the work. */
  line(text: string): void;
  /** Prints a whole line that was asked for, also where `--quiet` keeps all others away. */
  result(text: string): void;
  /** As `line`, on standard error. */
  error(text: string): void;
}

const BAR = 20;

let quiet = false;

/** From here on, progress and remarks are not shown. */
export function beQuiet(): void {
  quiet = true;
}

/** "1:02:03" or "2:03". */
export function formatSeconds(seconds: number): string {
  if (!Number.isFinite(seconds)) return "?";
  const whole = Math.round(seconds), hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
  const two = (value: number) => String(value).padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

function bar(done: number): string {
  const full = Math.round(BAR * Math.min(1, Math.max(0, done)));
  return `[${"=".repeat(full)}${" ".repeat(BAR - full)}]`;
}

/** Images per second, with as many digits as say something. */
function rate(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(2);
}

/** With `toError` all goes to standard error in whole lines, so that standard output is the command's result alone. */
export function progressLine({ toError = false } = {}): ProgressLine {
  let open = false, last = "";
  const columnsOf = () => toError || quiet ? null : terminalColumns();
  const over = (text: string) => {
    const columns = columnsOf();
    if (columns === null) return;
    printOver(text.slice(0, columns - 1));
    open = true;
  };
  const whole = (write: (text: string) => void) => (text: string) => {
    if (open) printOver("");
    open = false;
    write(text);
  };
  const result = whole(toError ? printError : print), line = (text: string) => quiet ? undefined : result(text);
  return {
    line,
    result,
    error: whole(printError),
    report(message, done) {
      if (columnsOf() !== null) over(`${message} ${bar(done)} ${(100 * done).toFixed(0)} %`);
      else if (message !== last) line(`${message} ...`);
      last = message;
    },
    status({ epoch, epochs, step, steps, loss, error, imagesPerSecond, secondsLeft, evaluated }) {
      const numbers = `loss ${loss.toFixed(3)}, error ${error.toFixed(1)} %, ${rate(imagesPerSecond)} images/s`;
      const doing = evaluated === null ? bar(step / steps) : `${bar(evaluated)} evaluating`;
      over(`epoch ${epoch}/${epochs} ${doing} ${numbers}, ${formatSeconds(secondsLeft)} left`);
    },
    epoch(row, epochs) {
      const test = row.testError === null
        ? ""
        : `, test loss ${row.testLoss!.toFixed(3)}, test error ${row.testError.toFixed(2)} %`;
      const { skipped = 0, waitingPercent } = row;
      const streaming = waitingPercent === undefined
        ? ""
        : `, waited ${waitingPercent.toFixed(1)} % for images${skipped > 0 ? `, ${skipped} could not be read` : ""}`;
      line(
        `epoch ${row.epoch}/${epochs}: train loss ${row.trainLoss.toFixed(3)}, error ${row.trainError.toFixed(2)} %` +
          `${test}, ${rate(row.imagesPerSecond)} images/s, ${formatSeconds(row.seconds)}${streaming}`,
      );
    },
  };
}
