/**
 * `npm run test:serve -- [--count N] [--seed N]`: N rounds of 200 connections at once to `allcnn serve`: questions of the
 * page, slow requests that never end, bodies that are too large, other hosts and origins, paths outwards. Every answer
 * must be the right one, the page must answer after each round, and memory must not grow from round to round.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { key, unit } from "../../core/graph/random.ts";
import { allcnn } from "../cli/_run.ts";

const { values } = parseArgs({
  options: { count: { type: "string", default: "20" }, seed: { type: "string", default: "1" } },
});
const CONNECTIONS = 200, rounds = Number(values.count), random = key(Number(values.seed), 0, 11);
/** Seconds within which an answer must come; megabytes that the server may grow by after the rounds that warm it up. */
const PATIENCE = 120, GROWTH_MB = 64, WARM = 3;

interface Request {
  readonly what: string;
  /** As it is written to the connection; a slow one is written a byte at a time and never ends. */
  readonly text: string | Uint8Array;
  readonly slow?: true;
  /** The statuses that are right. */
  readonly statuses: readonly number[];
}

/** A request of HTTP as it is written. */
function written(port: number, first: string, headers: Record<string, string> = {}, body = ""): string {
  const all = { host: `127.0.0.1:${port}`, connection: "close", ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${first} HTTP/1.1\r\n${lines.join("")}\r\n${body}`;
}

const OUTWARDS = [
  "/../package.json",
  "/%2e%2e/%2e%2e/etc/passwd",
  "/..%2f..%2fetc/passwd",
  "//etc/passwd",
  "/page.js%00.html",
  "/config.yaml",
  "/checkpoint.safetensors",
  "http://127.0.0.1/etc/passwd",
  "/%",
  "/constructor",
];

function requestsOf(port: number): readonly Request[] {
  const one = (what: string, text: Request["text"], ...statuses: number[]): Request => ({ what, text, statuses });
  const large = written(port, "POST /api/look?layer=conv1&unit=top&way=strided", { "content-length": `${2 ** 40}` });
  return [
    one("the page", written(port, "GET /"), 200),
    one("the run", written(port, "GET /api/run"), 200),
    one("the course", written(port, "GET /api/live"), 200),
    one("the parameters", written(port, "GET /api/checkpoint"), 200),
    ...OUTWARDS.map((path) => one(`outwards ${path}`, written(port, `GET ${path}`), 404)),
    one("a NUL in the path", written(port, "GET /\0/etc/passwd"), 400, 404),
    ...["example.com", `127.0.0.1.example.com:${port}`, "127.0.0.1:1"].map((host) =>
      one(`host ${host}`, written(port, "GET /api/live", { host }), 403)
    ),
    ...["http://example.com", "null", `https://127.0.0.1:${port}`].map((origin) =>
      one(`origin ${origin}`, written(port, "POST /api/units?layer=conv1", { origin }), 403)
    ),
    one("a length that is too large", large, 413),
    one(
      "a body that is too large",
      written(port, "POST /api/look", { "transfer-encoding": "chunked" }, `400000\r\n${"x".repeat(4 << 20)}\r\n`),
      413,
    ),
    one("a header that is too long", written(port, "GET /", { cookie: "x".repeat(100_000) }), 431),
    one("no HTTP", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", 400),
    { ...one("a slow header", written(port, "GET /", { cookie: "x".repeat(1000) })), slow: true },
    {
      ...one("a slow body", written(port, "POST /api/look", { "content-length": "3072" }, "x".repeat(1000))),
      slow: true,
    },
  ];
}

/** What is wrong with the answer to a request, or null. `over` ends the slow ones. */
function send(port: number, { what, text, slow, statuses }: Request, over: Promise<unknown>): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1"),
      end = (flaw: string | null) => {
        clearTimeout(timer);
        socket.destroy();
        resolve(flaw);
      };
    let answer = "", dripping: ReturnType<typeof setInterval> | undefined, at = 0;
    const timer = setTimeout(() => end(slow ? null : `${what}: no answer in ${PATIENCE} s`), 1000 * PATIENCE);
    socket.on("error", () => {}); // told by what has been answered
    socket.on("data", (data) => answer.length < 1000 && (answer += data.toString("latin1")));
    socket.on("close", () => {
      clearInterval(dripping);
      const status = Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
      const leaks = /root:.*:0:0|"dependencies"/.test(answer);
      end(
        leaks
          ? `${what}: a file of the machine`
          : slow || statuses.includes(status)
          ? null
          : `${what}: ${Number.isNaN(status) ? "no answer" : status}, expected ${statuses.join(" or ")}`,
      );
    });
    socket.on("connect", () => {
      if (slow) {
        dripping = setInterval(() => socket.writable && socket.write(text.slice(at, ++at)), 100);
        void over.then(() => end(null));
      } else socket.write(text);
    });
  });
}

/** Resident memory of a process, in megabytes. */
function memoryOf({ pid }: ChildProcess): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1024;
}

const folder = mkdtempSync(join(tmpdir(), "allcnn-serve-")), run = join(folder, "run");
const made = await allcnn([
  ...["train", "configs/quickstart.yaml", "--train-examples=64", "--test-examples=32", "--epochs=1"],
  ...["--set=network.1.conv.channels=8", "--out", run],
]);
if (made.code !== 0) throw new Error(made.stderr);
const server = spawn(process.execPath, ["dist/allcnn.js", "serve", run, "--port", "0", "--examples", "32"], {
  stdio: ["ignore", "pipe", "pipe"],
});
let said = "", errors = "";
server.stderr.on("data", (data) => errors += data);
server.stdout.on("data", (data) => said += data);
while (!/http:\/\/127\.0\.0\.1:\d+/.test(said)) {
  if (server.exitCode !== null) throw new Error(errors);
  await pause(50);
}
const port = Number(/127\.0\.0\.1:(\d+)/.exec(said)![1]), kinds = requestsOf(port);
const never = new Promise<void>(() => {}), counts: Record<string, number> = {};
let passed = 0, failed = 0, draws = 0, warm = 0;
const fail = (flaw: string) => {
  failed++;
  console.log(`FAILED ${flaw}`);
};
for (let round = 1; round <= rounds; round++) {
  let done = () => {};
  const over = new Promise<void>((resolve) => done = resolve),
    quick: Promise<unknown>[] = [],
    started = performance.now();
  const all = Array.from({ length: CONNECTIONS }, () => {
    const request = kinds[Math.floor(unit(random, draws++) * kinds.length)]!, sent = send(port, request, over);
    counts[request.what] = (counts[request.what] ?? 0) + 1;
    if (request.slow === undefined) quick.push(sent);
    return sent;
  });
  await Promise.all(quick); // while the slow ones are still there
  const during = await send(port, kinds[0]!, never);
  done();
  const flaws = (await Promise.all(all)).filter((flaw) => flaw !== null), after = await send(port, kinds[0]!, never);
  for (const flaw of [...flaws, ...[during, after].filter((flaw) => flaw !== null)]) fail(flaw);
  passed += CONNECTIONS + 2 - flaws.length - [during, after].filter((flaw) => flaw !== null).length;
  const memory = memoryOf(server);
  if (round === WARM) warm = memory;
  console.log(`Round ${round}: ${((performance.now() - started) / 1000).toFixed(1)} s, ${memory.toFixed(0)} MB`);
}
const last = memoryOf(server);
if (rounds > WARM && last > warm + GROWTH_MB) {
  fail(`memory: ${warm.toFixed(0)} MB after round ${WARM}, now ${last.toFixed(0)}`);
} else passed++;
if (server.exitCode !== null) fail(`the server ended: ${errors}`);
if (/internal error/.test(errors + said)) fail(`the server says: ${errors}${said}`);
server.kill("SIGINT");
rmSync(folder, { recursive: true });
for (const [what, count] of Object.entries(counts).sort()) console.log(`  ${String(count).padStart(5)} ${what}`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
