/** Work that nobody waits for any more, and work that is tried again. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import type { Route } from "../../serve/route.ts";
import { gpu } from "../_gpu.ts";
import { listen } from "../../serve/listen.ts";
import { openPixels } from "../../training/example_pixels.ts";
import { unitSearch } from "../../serve/top_units.ts";
import { progressLines } from "../../serve/progress_lines.ts";
import { defaultTuner } from "../../core/graph/tuner.ts";
import { liveModel } from "../../serve/live_model.ts";
import { CONFIG, WHITENED, withServer } from "./_served.ts";

test("a search that is not wanted any more takes no turn, ends at its next batch, and is not kept", async () => {
  const context = await gpu();
  await withServer(async (_, folder) => {
    const source = () => Promise.resolve({ config: { ...CONFIG.dataset, testExamples: 40 }, directory: null });
    const origin = { context, tuner: defaultTuner(context.limits), path: folder, config: CONFIG, source };
    const live = liveModel({ ...origin, report: () => {} });
    const search = unitSearch(live, source, async () => await openPixels(await source(), "test"), () => {});
    const heard: string[] = [], left = new AbortController();
    const units = (signal: AbortSignal, at = (_: string) => {}) =>
      search.units("conv2", (doing) => {
        heard.push(doing.split(" ")[0]!);
        at(doing);
      }, signal).then(({ units }) => units.length, ({ name }) => name);
    const leaving = units(left.signal, (doing) => {
      if (doing.startsWith("Preparing")) left.abort();
    });
    const behind = units(left.signal), after = units(new AbortController().signal);
    assert.equal([await leaving, await behind, await after], ["AbortError", "AbortError", 16]);
    const batches = heard.length - 2;
    assert.equal(heard, ["Preparing", "Preparing", ...new Array(batches).fill("Searching")]);
    assert.is(await units(new AbortController().signal), 16);
    assert.is(heard.length, batches + 2, "what was found is kept");
  });
});

test("what nobody reads any more is told so, also before its first word", async () => {
  const signals: AbortSignal[] = [];
  const hang = (word: boolean) => (report: (doing: string, done: number) => void, signal: AbortSignal) => {
    signals.push(signal);
    if (word) report("Searching", 0.5);
    return new Promise<never>(() => {});
  };
  const long = (word: boolean): Route => ({
    method: "POST",
    bytes: 0,
    answer: ({ gone }) => Promise.resolve({ type: "application/x-ndjson", body: progressLines(hang(word), gone) }),
  });
  const { port, close } = await listen(
    new Map([["/silent", long(false)], ["/words", long(true)]]),
    0,
    assert.unreachable,
  );
  try {
    for (const [at, path] of ["/silent", "/words"].entries()) {
      const asked = request({ host: "127.0.0.1", port, path, method: "POST", agent: false });
      asked.on("error", () => {});
      const response = once(asked, "response").catch(() => {});
      asked.end();
      while (signals.length === at) await pause(5);
      if (path === "/words") await response;
      assert.is(signals[at]!.aborted, false);
      asked.destroy();
      await once(signals[at]!, "abort", { signal: AbortSignal.timeout(5000) });
    }
  } finally {
    await close();
  }
});

test("a body that is too large gets its answer, also while it is still being sent", async () => {
  const route: Route = { method: "POST", bytes: 10, answer: () => Promise.reject(new Error("not reached")) };
  const { port, close } = await listen(new Map([["/", route]]), 0, assert.unreachable);
  try {
    const head = `POST / HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\ntransfer-encoding: chunked\r\n\r\n400000\r\n`;
    const answers = Array.from({ length: 40 }, async () => {
      const socket = connect(port, "127.0.0.1", () => socket.write(head + "x".repeat(4 << 20)));
      let answer = "";
      socket.on("error", () => {}); // of what was not sent any more
      socket.on("data", (data) => answer += data);
      await new Promise((resolve) => socket.once("close", resolve));
      assert.match(answer, /^HTTP\/1\.1 413 [^]*at most 10 bytes are read/);
    });
    await Promise.all(answers);
  } finally {
    await close();
  }
});

test("a checkpoint that could not be loaded is tried again, whatever went wrong", async () => {
  const context = await gpu();
  await withServer(async (_, folder) => {
    let broken = true;
    const source = () => {
      if (broken) throw new Error("no\nluck");
      return Promise.resolve({ config: CONFIG.dataset, directory: null });
    };
    const tuner = defaultTuner(context.limits), origin = { context, tuner, path: folder, config: WHITENED, source };
    const live = liveModel({ ...origin, report: () => {} }, 0);
    const use = () => live.use(({ info }) => Promise.resolve(info.epoch)).catch(({ message }) => message);
    assert.is(await use(), "internal error: no luck");
    broken = false;
    assert.is(await use(), null);
    // The checkpoint is of the served config, which whitens nothing.
    const told = /^What is shown may be wrong: dataset.preprocess.0 is .* in the config and not set in the checkpoint$/;
    assert.match((await live.look()).problem!, told);
  });
});

test.run();
