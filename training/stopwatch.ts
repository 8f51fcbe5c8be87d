/** Seconds of work, what comes in between left out. */
export interface Stopwatch {
  start(): void;
  stop(): void;
  /** From all starts to their stops, or to now. */
  seconds(): number;
}

export function stopwatch(seconds: number): Stopwatch {
  let total = seconds, since: number | null = null;
  const sinceStart = () => since === null ? 0 : (performance.now() - since) / 1000;
  return {
    start() {
      since ??= performance.now();
    },
    stop() {
      total += sinceStart();
      since = null;
    },
    seconds: () => total + sinceStart(),
  };
}
