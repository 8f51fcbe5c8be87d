import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Trace, traceEvents } from "../../report/trace.ts";

const PEAKS = { flopsPerSecond: 100e9, bytesPerSecond: 10e9 };
const op = (label: string) => ({ label, kernel: "k", tuning: { rows: 8 }, flops: 2e6, bytes: 1e6 });
const dispatch = (op: string, name = op) => ({ op, name, workgroups: [4, 1, 1] as const });

const TRACE = traceEvents({
  title: "net on a device",
  ops: [op("a"), op("b")],
  dispatches: [dispatch("a", "a #1"), dispatch("a", "a #2"), dispatch("b")],
  timeline: {
    host: [
      { name: "encode", start: 0, seconds: 1e-3 },
      { name: "submit", start: 1e-3, seconds: 1e-3 },
      { name: "wait", start: 2e-3, seconds: 5e-3 },
    ],
    passes: [{ start: 2e-3, seconds: 1.0000004e-3 }, { start: 3.0000004e-3, seconds: 1e-3 }, {
      start: 4.1e-3,
      seconds: 0,
    }],
  },
  peaks: PEAKS,
});

/** What breaks the Trace Event Format, or confuses viewers, in a file that has only complete and metadata events. */
function problems({ traceEvents: events }: Trace): string[] {
  const found: string[] = [], named = new Set<number>(), open = new Map<number, number[]>();
  let last = -Infinity;
  for (const event of events) {
    const check = (holds: boolean, what: string) => holds || found.push(`${event.name}: ${what}`);
    check([event.name, event.cat, event.ph].every((each) => typeof each === "string"), "a text is missing");
    check([event.pid, event.tid, event.ts].every(Number.isFinite), "a number is missing");
    if (event.ph === "M") {
      check(["process_name", "thread_name", "thread_sort_index"].includes(event.name), "unknown metadata");
      if (event.name === "thread_name") named.add(event.tid);
      continue;
    }
    check(event.ph === "X", "neither complete nor metadata");
    check(named.has(event.tid), "its track has no name");
    check(event.ts >= 0 && event.dur >= 0, "negative time");
    check(event.ts >= last, "out of order");
    last = event.ts;
    // Events of one track nest or follow each other; in picoseconds, since these decimals are no binary numbers.
    const start = Math.round(1e6 * event.ts), end = start + Math.round(1e6 * event.dur);
    const ends = (open.get(event.tid) ?? []).filter((each) => each > start);
    check(ends.every((each) => end <= each), "overlaps the event before it");
    open.set(event.tid, [...ends, end]);
  }
  return found;
}

test("the trace is well-formed, in order, with named tracks, and survives JSON", () => {
  assert.equal(problems(TRACE), []);
  assert.equal(problems(JSON.parse(JSON.stringify(TRACE))), []);
});

test("the check of the form finds overlaps, disorder and negative durations", () => {
  const { traceEvents: events } = TRACE, first = events.findIndex(({ ph }) => ph === "X");
  const changed = (change: object) => ({
    ...TRACE,
    traceEvents: events.map((event, index) => index === first ? { ...event, ...change } as typeof event : event),
  });
  const wrong = [{ dur: -1 }, { dur: undefined }, { ts: 1e9 }, { dur: 1500 }, { tid: 9 }, { ts: NaN }, { ph: "B" }];
  for (const change of wrong) assert.ok(problems(changed(change)).length > 0, JSON.stringify(change));
});

test("host phases, ops and dispatches are on tracks of their own, with what they are", () => {
  const complete = TRACE.traceEvents.filter(({ ph }) => ph === "X");
  const on = (track: string) => {
    const { tid } = TRACE.traceEvents.find(({ name, args }) => name === "thread_name" && args["name"] === track)!;
    return complete.filter((event) => event.tid === tid);
  };
  assert.equal(on("Host").map(({ name }) => name), ["encode", "submit", "wait"]);
  assert.equal(on("Ops").map(({ name }) => name), ["a", "b"]);
  const dispatches = on("Dispatches, a pass each");
  assert.equal(dispatches.map(({ name }) => name), ["a #1", "a #2", "b"]);
  const { args } = dispatches[0]!;
  assert.equal([args["kernel"], args["tuning"], args["workgroups"], args["bound by"]], [
    "k",
    { rows: 8 },
    [4, 1, 1],
    "memory",
  ]);
  assert.ok(Math.abs(args["GFLOP/s"] as number - 1) < 1e-3); // 2e6 operations in 2 ms
  assert.is(dispatches[2]!.args["GFLOP/s"], null); // the clock saw no time pass
});

test.run();
