/** Work that is done ahead of its use. */
export interface Prefetched<T> {
  /** The next result, in order. */
  next(): Promise<T>;
  /** Begins nothing more. */
  close(): void;
}

/**
 * Makes the results 0 ... `count - 1`, of which at most `ahead` are begun or finished before they are asked for: who asks
 * slowly holds back the work. A failure is that of the result's `next`.
 */
export function prefetch<T>(count: number, ahead: number, make: (index: number) => Promise<T>): Prefetched<T> {
  const pending: Promise<T>[] = [];
  let begun = 0, closed = false;
  const fill = () => {
    while (!closed && begun < count && pending.length < ahead) {
      const result = make(begun++);
      result.catch(() => {}); // heard by `next`
      pending.push(result);
    }
  };
  fill();
  return {
    next() {
      const result = pending.shift();
      if (result === undefined) throw new Error(`There are only ${count} results`);
      fill();
      return result;
    },
    close() {
      closed = true;
    },
  };
}
