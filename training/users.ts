/** Who works with a model right now: its memory is freed when the last of them is done. */
export interface Users {
  /** Comes in; what it returns goes out. */
  enter(): () => void;
  /** Frees once nobody is in: now, or later. */
  whenEmpty(free: () => void): void;
}

/** Nobody works with it at first. */
export function users(): Users {
  const waiting: (() => void)[] = [];
  let inside = 0;
  const settle = () => {
    if (inside === 0) waiting.splice(0).forEach((free) => free());
  };
  return {
    enter() {
      let left = false;
      inside++;
      return () => {
        if (left) return;
        left = true;
        inside--;
        settle();
      };
    },
    whenEmpty(free) {
      waiting.push(free);
      settle();
    },
  };
}
