import { test } from "uvu";
import * as assert from "uvu/assert";
import { loadDawn } from "../../core/dawn.ts";

test("polls of native code sleep after a while; everybody else's setImmediate is as it was", async () => {
  await loadDawn();
  const wrapped = globalThis.setImmediate;
  await loadDawn();
  assert.is(globalThis.setImmediate, wrapped, "wrapped once only");

  const given: unknown[] = [];
  await new Promise<void>((resolve) =>
    setImmediate(
      (...args: unknown[]) => {
        given.push(...args);
        resolve();
      },
      1,
      "two",
    )
  );
  assert.equal(given, [1, "two"]);
  const cancelled = setImmediate(() => assert.unreachable("it was cancelled"));
  clearImmediate(cancelled);

  /** Milliseconds of `count` callbacks, each of which asks for the next. */
  const chain = async (count: number, native: boolean) => {
    const start = performance.now();
    await new Promise<void>((resolve) => {
      let done = 0;
      const next = () => void (++done < count ? setImmediate(callback) : resolve());
      const callback = native ? next.bind(null) : next; // a bound function is native code
      setImmediate(callback);
    });
    return performance.now() - start;
  };
  const eager = 50, sleeping = 100;
  const milliseconds = await chain(eager + sleeping, true);
  assert.ok(milliseconds > 0.2 * (sleeping - 2), `${milliseconds} ms for ${sleeping} sleeps of 0.2 ms`);
  const again = await chain(eager - 10, true); // a new wait starts eagerly
  assert.ok(again < 0.2 * (eager - 10) + milliseconds, `${again} ms`);
});

test.run();
