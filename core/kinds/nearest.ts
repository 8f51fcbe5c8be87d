/** How many letters must be added, left out, changed or swapped with the next one to get from `a` to `b`. */
function edits(a: string, b: string): number {
  let before: number[] = [], row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1], swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      next[j] = Math.min(row[j - 1]! + (same ? 0 : 1), row[j]! + 1, next[j - 1]! + 1);
      if (swapped) next[j] = Math.min(next[j]!, before[j - 2]! + 1);
    }
    [before, row] = [row, next];
  }
  return row[b.length]!;
}

/** Longest text that is compared: nobody misspells a key with more letters. */
const LONGEST = 64;

/** The one of `known` that `found` most likely misspells: at most every third letter differs. Null where none does. */
export function nearest(found: string, known: readonly string[]): string | null {
  if (found.length > LONGEST) return null;
  const distances = known.map((each) => edits(found.toLowerCase(), each.toLowerCase()));
  const least = Math.min(...distances), best = known[distances.indexOf(least)];
  return best !== undefined && 3 * least <= Math.max(found.length, best.length) ? best : null;
}

/** ", did you mean conv?" or nothing. */
export function didYouMean(found: string, known: readonly string[]): string {
  const meant = nearest(found, known);
  return meant === null ? "" : `, did you mean ${meant}?`;
}
