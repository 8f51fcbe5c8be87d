/** Checks of a winner before it is used: some GPUs compute a kernel wrong in one run of ten. */
import { SAMPLE_SECONDS, type TimedRow } from "./tune_entry.ts";

/** Checks at least, or the winner is not used; and at most, as long as they take that share of the task's search. */
const CHECKS = { least: 5, most: 40, share: 0.25 };

/** A check is a run in company, and comparing its results: about twice as long as the run alone. */
const checkSeconds = ({ seconds }: TimedRow) => 2 * Math.max(SAMPLE_SECONDS, seconds);

/** What the least checks of a winner take. */
export const leastCheckSeconds = (row: TimedRow | undefined): number =>
  row === undefined ? 0 : CHECKS.least * checkSeconds(row);

export interface Confirmation {
  readonly row: TimedRow;
  /** What is wrong in the n-th check, or null. */
  readonly check: (round: number) => Promise<string | null>;
  readonly now: () => number;
  /** When the search of the task began, and when the budget ends. */
  readonly began: number;
  readonly end: number;
  /** Asked between two checks: no more than the least? */
  readonly stop: () => boolean;
}

export type Confirmed =
  | { readonly status: "right" | "unchecked" }
  | { readonly status: "wrong"; readonly reason: string };

/** Is a winner right each time? "right", "unchecked" where the time did not suffice, or what was wrong. */
export async function confirm({ row, check, now, began, end, stop }: Confirmation): Promise<Confirmed> {
  const start = now();
  for (let round = 0; round < CHECKS.most; round++) {
    const taken = now() - start, next = round === 0 ? checkSeconds(row) : taken / round;
    const enough = stop() || taken + next > CHECKS.share * (start - began);
    if (round >= CHECKS.least && enough) return { status: "right" };
    if (start + taken + next > end) return { status: round >= CHECKS.least ? "right" : "unchecked" };
    const wrong = await check(round);
    if (wrong !== null) return { status: "wrong", reason: `in check ${round + 1} of a winner: ${wrong}` };
  }
  return { status: "right" };
}
