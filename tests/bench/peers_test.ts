import { test } from "uvu";
import * as assert from "uvu/assert";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { bundlePeers } from "../../bench/peers/bundle.ts";
import { compare, type CompareOptions, type Outcome } from "../../bench/peers/compare.ts";
import { findPeers } from "../../bench/peers/peers.ts";
import { parseAnswer, type Started } from "../../bench/peers/protocol.ts";
import { judge, markdown } from "../../bench/peers/table.ts";
import { checkNetwork } from "../../bench/peers/layers.ts";
import { writeWork } from "../../bench/peers/work.ts";
import { sgdOf } from "../../bench/peers/protocol.ts";
import { loadConfig, parseConfig } from "../../configs/load.ts";
import { openDevice } from "../../core/device/device.ts";
import { UserError } from "../../core/host/errors.ts";
import { initialParams } from "../../learning/initial_values/mod.ts";
import { parameterSpecs } from "../../training/session.ts";
import { sgd } from "../_reference.ts";
import { lossAndGrads, type Named } from "../_reference_network.ts";
import { inFolder } from "../cli/_run.ts";
import { TEXT } from "../configs/_tiny.ts";
import { fakePeer, STARTED } from "./_fake_peer.ts";

const CONFIG = parseConfig(TEXT, "tiny.yaml", ["training.batch=4"]);

/** Options of a comparison, and what it says while it runs. */
function options(folder: string, changes: Partial<CompareOptions> = {}): CompareOptions & { said: string[] } {
  const said: string[] = [], progress = (line: string) => void said.push(line);
  return { rounds: 3, warmup: 1, steps: 2, timeout: 30, folder, progress, said, stopped: () => false, ...changes };
}

/** The bytes of a file in a buffer of their own. */
const bytesOf = (path: string) => Uint8Array.from(readFileSync(path)).buffer;

const outcome = (name: string, started: Partial<Started> | null, imagesPerSecond: readonly number[]): Outcome => ({
  name,
  started: started === null ? null : { ...STARTED, ...started },
  imagesPerSecond,
  failure: started === null ? "it is not installed" : null,
});

test("a line is an answer only if it is a record with an answer or an error", () => {
  assert.equal(parseAnswer('{"answer": [1]}'), { answer: [1] });
  assert.equal(parseAnswer('{"error": "no"}'), { error: "no" });
  for (const line of ["", "loading", "{", '{"error": 3}', '{"loss": 2}', '"answer"', "null"]) {
    assert.is(parseAnswer(line), null, line);
  }
});

test("peers run in turns, and whatever fails becomes a row that says why", async () => {
  await inFolder(async (folder) => {
    const work = await writeWork(CONFIG, folder), set = options(folder);
    const peers = [
      fakePeer("allcnn", { secondsPerStep: 0.5, misdeed: "prints" }),
      fakePeer("slow", { secondsPerStep: 2, started: { loss: 2.5024 } }),
      fakePeer("wrong", { started: { loss: 2.5026 } }),
      fakePeer("crashes", { misdeed: "crashes" }),
      fakePeer("crashes later", { misdeed: "crashes later" }),
      fakePeer("refuses", { misdeed: "refuses" }),
      fakePeer("diverges", { misdeed: "diverges" }),
      { name: "nowhere", launch: { file: join(folder, "nothing"), args: [] } },
      { name: "absent", unavailable: "it is not installed" },
    ];
    const rows = judge(await compare(peers, work, set));
    assert.equal(rows.map(({ name }) => name), peers.map(({ name }) => name));
    const [ours, slow, wrong, crashes, later, refuses, diverges, nowhere, absent] = rows;
    assert.equal(ours!.imagesPerSecond, [8, 4, 8 / 3]);
    assert.equal([ours!.median, ours!.slowest, ours!.fastest, ours!.ratio], [4, 8 / 3, 8, 1]);
    assert.equal([slow!.median, slow!.ratio, slow!.disagreement], [1, 4, null]);
    assert.is(wrong!.ratio, null);
    assert.is(wrong!.disagreement, "its first loss is 2.50260, not 2.50000");
    assert.is(crashes!.failure, "it ended (exit code 3): Error: out of memory");
    assert.is(crashes!.started, null);
    assert.is(later!.failure, "it ended (exit code 3): Error: out of memory");
    assert.equal([later!.imagesPerSecond.length, later!.median, later!.ratio], [1, null, null]);
    assert.is(refuses!.failure, "This peer knows no maxPool");
    assert.is(diverges!.failure, "its loss is not a number");
    assert.match(nowhere!.failure!, /^it cannot be started: .*ENOENT/);
    assert.is(absent!.failure, "it is not installed");

    const turns = set.said.filter((line) => line.startsWith("round")).map((line) => line.split(":")[0]);
    const turn = (round: number, name: string) => `round ${round} of 3, ${name}`;
    assert.equal(turns, [
      ...["allcnn", "slow", "wrong", "crashes later", "diverges"].map((name) => turn(1, name)),
      ...["slow", "wrong", "crashes later", "allcnn"].map((name) => turn(2, name)),
      ...["wrong", "allcnn", "slow"].map((name) => turn(3, name)),
    ]);
  });
});

test("a peer that does not answer is given up", async () => {
  await inFolder(async (folder) => {
    const peers = [fakePeer("hangs", { misdeed: "hangs" }), fakePeer("works")], set = options(folder, { timeout: 1 });
    const [hangs, works] = await compare(peers, await writeWork(CONFIG, folder), set);
    assert.is(hangs!.failure, "no answer within 1 s");
    assert.equal([works!.failure, works!.imagesPerSecond.length], [null, 3]);
  });
});

test("a comparison that is stopped keeps what was measured until then", async () => {
  await inFolder(async (folder) => {
    const set = options(folder), turns = () => set.said.filter((line) => line.startsWith("round")).length;
    const work = await writeWork(CONFIG, folder), peers = [fakePeer("first"), fakePeer("second")];
    const rows = judge(await compare(peers, work, { ...set, stopped: () => turns() >= 3 }));
    assert.equal(rows.map(({ failure }) => failure), [null, null]);
    assert.equal(rows.map(({ imagesPerSecond }) => imagesPerSecond.length), [1, 2]); // the second begins round two
    const none = await compare(peers, work, { ...set, stopped: () => true });
    assert.equal(none, []);
  });
});

test("peers that are not installed are listed with the reason, and --only picks by the beginning of a name", async () => {
  const names = async (only: readonly string[]) =>
    (await findPeers({ only, python: "/nowhere/python3", timeout: 30 })).map((peer) =>
      `${peer.name}: ${"unavailable" in peer ? peer.unavailable : "can be tried"}`
    );
  const missing = "it is not installed, `npm ci --prefix bench/peers` adds it";
  const listed = await names([]), torch = listed.pop();
  const scripts = ["allcnn", "allcnn f16", "allcnn f16 matrix", "tfjs", "jax"];
  assert.equal(listed, scripts.map((name) => `${name}: ${missing}`));
  assert.match(torch!, /^torch: it cannot be started: .*ENOENT/);
  assert.equal(await names(["jax"]), [`jax: ${missing}`]);
  assert.match((await names(["torch fp32 compile"])).join(), /^torch: it cannot be started/);
});

test("the losses of another peer must be near those of the first, before and after an update", () => {
  const disagreements = (started: Partial<Started>, reference: Partial<Started> = {}) =>
    judge([outcome("allcnn", reference, [1]), outcome("other", started, [1])]).map(({ disagreement }) => disagreement);
  assert.equal(disagreements({ loss: 2.5 * 1.0009, lossAfterUpdate: 2.25 * 0.996 }), [null, null]);
  assert.is(disagreements({ loss: 2.5 * 0.9989 })[1], "its first loss is 2.49725, not 2.50000");
  assert.is(disagreements({ lossAfterUpdate: 2.3 })[1], "its loss after an update is 2.30000, not 2.25000");
  assert.is(disagreements({ loss: null })[1], "its first loss is null, not 2.5");
  assert.is(disagreements({}, { loss: null })[1], "its first loss is 2.5, not null");
});

test("without figures of ours there are no ratios, and no judgement", () => {
  const rows = judge([outcome("allcnn", null, []), outcome("other", { loss: 9 }, [4])]);
  assert.equal(rows.map(({ ratio, disagreement }) => [ratio, disagreement]), [[null, null], [null, null]]);
  assert.is(rows[1]!.median, 4);
});

test("the table has one row for each peer", () => {
  const rows = judge([
    outcome("allcnn", { version: "0.1.0", firstStepSeconds: 12.34 }, [17.123, 16, 18]),
    outcome("tfjs", { version: "4.22.0", loss: 2.4999999 }, [1.1, 1.2, 1.3]),
    { ...outcome("jax", { version: "0.1.25" }, [1]), failure: "it ended (SIGKILL): a | b" },
    outcome("torch", null, []),
  ]);
  assert.is(
    markdown(rows),
    `| peer   | version | images/s | slowest to fastest | ratio | first step | first loss | after an update | remark |
| ------ | ------- | -------- | ------------------ | ----- | ---------- | ---------- | --------------- | ------ |
| allcnn | 0.1.0   | 17.1     | 16 to 18           | 1.00  | 12.3 s     | 2.5        | 2.25            |        |
| tfjs   | 4.22.0  | 1.2      | 1.1 to 1.3         | 14.27 | 0.5 s      | 2.5        | 2.25            |        |
| jax    | 0.1.25  |          |                    |       | 0.5 s      | 2.5        | 2.25            | cannot run: it ended (SIGKILL): a \\| b |
| torch  |         |          |                    |       |            |            |                 | cannot run: it is not installed |`,
  );
});

test("the work holds the weights of seed 0 and a batch scaled to [-1, 1]; unknown layers are refused", async () => {
  await inFolder(async (folder) => {
    const { files, params } = await writeWork(CONFIG, folder);
    const expected = Object.values(initialParams(parameterSpecs(CONFIG), 0)).flatMap((values) => Array.from(values));
    const written = new Float32Array(bytesOf(files.params));
    assert.is(written.length, expected.length);
    assert.ok(written.every((value, i) => value === expected[i]));
    assert.equal(params.map(({ name }) => name), ["conv1/w", "conv1/b", "conv2/w", "conv2/b"]);
    const images = new Float32Array(bytesOf(files.images));
    assert.is(images.length, 4 * 32 * 32 * 3);
    assert.ok(images.every((value) => value >= -1 && value <= 1) && images.some((value) => value < -0.3));
    assert.equal(Array.from(new Uint32Array(bytesOf(files.labels))), [0, 1, 2, 3]);
  });
  checkNetwork(CONFIG);
  const pooled = await loadConfig("configs/convpool-c.yaml");
  assert.throws(
    () => checkNetwork(pooled),
    (error: unknown) => error instanceof UserError && /the peers know .*, not \{"maxPool"/.test(error.message),
  );
});

test("our own peer answers with the losses of the float64 reference", async () => {
  await inFolder(async (folder) => {
    const built = `dist/peers_test_${process.pid}`; // in dist/, where it finds the npm package `webgpu`
    await bundlePeers(built);
    const work = await writeWork(CONFIG, folder);
    const peer = (name: string, ...args: string[]) => ({
      name,
      launch: { file: process.execPath, args: [`${built}/allcnn.mjs`, ...args], env: { ALLCNN_CACHE: folder } },
    });
    const peers = [peer("allcnn"), peer("allcnn f16 matrix", "f16", "matrix")];
    const [ours, matrix] = judge(await compare(peers, work, options(folder, { rounds: 1, timeout: 120 })));
    rmSync(built, { recursive: true });
    assert.is(ours!.failure, null);
    const { limits, close } = await openDevice({ matrix: true });
    close();
    if (limits.matrix !== undefined) assert.equal([matrix!.failure, matrix!.disagreement], [null, null]);
    else assert.match(matrix!.failure!, /^This device has no (shader-f16|matrix units that can be used)$/);
    assert.ok(ours!.imagesPerSecond[0]! > 0 && ours!.started!.firstStepSeconds > 0);

    const x = Float64Array.from(new Float32Array(bytesOf(work.files.images)));
    const params: Named = Object.fromEntries(
      Object.entries(initialParams(parameterSpecs(CONFIG), 0)).map((
        [name, values],
      ) => [name, Float64Array.from(values)]),
    );
    const example = { x, labels: [0, 1, 2, 3], size: { height: 32, width: 32, channels: 3 } };
    const lossOf = () => lossAndGrads(CONFIG.network, params, example, null);
    const { loss, grads } = lossOf(), { base } = CONFIG.training.learningRate;
    for (const name of Object.keys(params)) {
      const rest = new Float64Array(params[name]!.length);
      sgd(params[name]!, rest, grads[name]!, { ...sgdOf(CONFIG), learningRate: base });
    }
    const near = (actual: number | null, expected: number) =>
      assert.ok(Math.abs(actual! / expected - 1) < 1e-5, `${actual}, expected ${expected}`);
    near(ours!.started!.loss, loss);
    near(ours!.started!.lossAfterUpdate, lossOf().loss);
  });
});

test.run();
