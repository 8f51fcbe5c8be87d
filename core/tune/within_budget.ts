/** Waiting for what nothing can interrupt, no longer than the budget lasts. */

/** Asked between two pieces of work that nothing can interrupt: is the time up? */
export type Expired = () => boolean;

/** How often a long compilation is asked whether the time is up. */
const POLL_MILLISECONDS = 100;

/** What the promise becomes, or null once the time is up: the driver's threads go on compiling, and nobody waits. */
export async function withinBudget<T>(promise: Promise<T>, expired: Expired): Promise<T | null> {
  promise.catch(() => {}); // where nobody waits any more, nobody hears of its failure either
  for (;;) {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const pause = new Promise<null>((resolve) => timer = setTimeout(() => resolve(null), POLL_MILLISECONDS));
    const done = await Promise.race([promise.then((value) => ({ value })), pause]);
    clearTimeout(timer);
    if (done !== null) return done.value;
    if (expired()) return null;
  }
}
