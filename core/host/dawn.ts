/** Dawn, Chrome's WebGPU, as the npm package `webgpu`: native code. Bundles for browsers leave this file out. */

/** Loads Dawn and makes WebGPU's constants global. Throws where the package is missing or does not fit the system. */
export async function loadDawn(): Promise<{ create: (options: string[]) => GPU; version: string }> {
  const { create, globals } = await import("webgpu");
  Object.assign(globalThis, globals);
  const { default: { version } } = await import("webgpu/package.json", { with: { type: "json" } });
  sleepBetweenPolls();
  return { create, version };
}

/** A pause between two polls: a twentieth of the wait so far, so that an answer is heard of that much later at most. */
const PAUSE_SHARE = 1 / 20, MOST_MILLISECONDS = 1;

type Immediate = typeof setImmediate & { readonly sleeps?: boolean };

/**
 * While anything is pending, Dawn's bindings (0.6.2) poll for it in an endless loop of `setImmediate`: a core that works
 * for nothing, and on an adapter that runs on the CPU one that the shaders lack. This makes the loop sleep. Dawn looks
 * `setImmediate` up anew each time, and its callbacks are the only native ones.
 */
function sleepBetweenPolls(): void {
  const immediate = globalThis.setImmediate as Immediate;
  if (immediate.sleeps) return;
  const cell = new Int32Array(new SharedArrayBuffer(4)); // never changes: waiting for it is sleeping
  let began = 0, polling = false;
  const poll = (callback: () => void) => {
    Atomics.wait(cell, 0, 0, Math.min(MOST_MILLISECONDS, PAUSE_SHARE * (performance.now() - began)));
    polling = true; // what the callback asks for goes on with the same wait
    try {
      callback();
    } finally {
      polling = false;
    }
  };
  const isNative = (callback: unknown) => /\[native code\]/.test(Function.prototype.toString.call(callback));
  const gentle = (callback: (...args: unknown[]) => void, ...args: unknown[]) => {
    if (args.length > 0 || !isNative(callback)) return immediate(callback, ...args);
    if (!polling) began = performance.now();
    return immediate(poll, callback);
  };
  globalThis.setImmediate = Object.assign(gentle, immediate, { sleeps: true }) as typeof setImmediate;
}
