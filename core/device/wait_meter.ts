/** How long the device had nothing to do, since its examples were not there yet. */
export interface WaitMeter {
  /** A step was submitted, which is `done` later. */
  submitted(done: Promise<unknown>): void;
  /** Waits for the examples of the next step. */
  during(ready: Promise<void>): Promise<void>;
  /** In all. */
  seconds(): number;
}

export function waitMeter(): WaitMeter {
  let pending = 0, idleSince = performance.now(), milliseconds = 0;
  return {
    submitted(done) {
      pending++;
      const end = () => {
        if (--pending === 0) idleSince = performance.now();
      };
      done.then(end, end);
    },
    async during(ready) {
      const start = performance.now();
      await ready;
      if (pending === 0) milliseconds += performance.now() - Math.max(start, idleSince);
    },
    seconds: () => milliseconds / 1000,
  };
}
