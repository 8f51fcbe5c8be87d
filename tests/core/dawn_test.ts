import { test } from "uvu";
import * as assert from "uvu/assert";
import { resolve } from "node:path";
import process from "node:process";
import { execute } from "../cli/_run.ts";
import { loadDawn } from "../../core/host/dawn.ts";

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

  /** How often a chain of native callbacks, each of which asks for the next, is called within some time. */
  const polls = async (milliseconds: number) => {
    const start = performance.now();
    let count = 0;
    await new Promise<void>((resolve) => {
      const next = () => {
        count++;
        if (performance.now() - start < milliseconds) setImmediate(callback);
        else resolve();
      };
      const callback = next.bind(null); // a bound function is native code
      setImmediate(callback);
    });
    return count;
  };
  const count = await polls(200);
  assert.ok(count > 10, `${count} polls in 200 ms`);
  assert.ok(count < 600, `${count} polls in 200 ms: pauses grow to 1 ms`); // without pauses, many thousands
});

test("in Bun, where Dawn's addon ends the process, one line says so", async () => {
  const program = `Object.defineProperty(process.versions, "bun", { value: "1.4.5" });
const { openDevice } = await import(process.argv[1]);
await openDevice().catch((error) => console.log(error.name, error.message));`;
  const { stdout } = await execute(process.execPath, [
    "--input-type=module",
    "--eval",
    program,
    resolve("dist/mod.js"),
  ]);
  assert.match(stdout, /^UserError Bun cannot run Dawn, .*: use Node 20\.10 or newer, or Deno\n$/);
});

test.run();
