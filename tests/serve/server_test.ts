/** The server behind the page: whom it answers, what it refuses, and what it tells of a run. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { copyFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decode } from "../../training/checkpoint.ts";
import type {
  FirstLook,
  LiveInfo,
  LookInfo,
  PictureInfo,
  RunInfo,
  TopUnits,
  UnitPatches,
} from "../../serve/protocol.ts";
import type { Timeline } from "../../serve/protocol.ts";
import { floatsOf, fromBase64, toBase64 } from "../../serve/protocol.ts";
import { parseRows } from "../../report/metrics.ts";
import { generateShapes } from "../../data/datasets/shapes.ts";
import { explain } from "../../explain/explain.ts";
import { featureMaps } from "../../explain/feature_maps.ts";
import { poolModel } from "../../explain/pool_model.ts";
import { loadModel } from "../../training/model_file.ts";
import { preprocess } from "../../training/preprocess.ts";
import { gpu, relativeError } from "../_gpu.ts";
import { allcnn } from "../cli/_run.ts";
import { jpeg } from "../data/_pictures.ts";
import { refusal } from "../../serve/guard.ts";
import { CHECKPOINT, CONFIG, saveCheckpointOf, withServer } from "./_served.ts";
import { ask, jsonOf, resultOf, settled } from "./_asked.ts";

const ROW = { epoch: 1, learningRate: 0.1, trainLoss: 2, trainError: 80, testLoss: 2.1, testError: 82 };
const LINE = (epoch: number) => JSON.stringify({ ...ROW, epoch, imagesPerSecond: 100, seconds: 3 });

test("only the page's own requests are answered, from a fixed table of paths", async () => {
  await withServer(async ({ port }) => {
    const refused = async (status: number, path: string, options: Parameters<typeof ask>[2] = {}) => {
      const answer = await ask(port, path, options);
      assert.is(answer.status, status, `${path} ${JSON.stringify(options)}: ${answer.text}`);
      const { error } = JSON.parse(answer.text || "{}");
      assert.is(/\n/.test(error ?? ""), false);
      return String(error);
    };
    for (const host of ["example.com", `example.com:${port}`, "127.0.0.1", `127.0.0.1:${port + 1}`]) {
      assert.match(await refused(403, "/", { headers: { host } }), /answers at http:\/\/127\.0\.0\.1:\d+\/ only/);
    }
    for (const host of [`localhost:${port}`, `[::1]:${port}`, `127.0.0.1:${port}`]) {
      assert.is((await ask(port, "/", { headers: { host } })).status, 200);
    }
    const post = { method: "POST" };
    for (const origin of ["http://example.com", "null", `http://localhost:${port + 1}`, `https://localhost:${port}`]) {
      assert.match(await refused(403, "/api/units", { ...post, headers: { origin } }), /another site/);
    }
    for (const site of ["cross-site", "same-site"]) {
      await refused(403, "/api/units", { ...post, headers: { "sec-fetch-site": site, "sec-fetch-mode": "cors" } });
      await refused(403, "/api/live", { headers: { "sec-fetch-site": site, "sec-fetch-mode": "no-cors" } });
      const link = { "sec-fetch-site": site, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };
      await refused(403, "/api/checkpoint", { headers: link });
      await refused(403, "/", { headers: { ...link, "sec-fetch-dest": "iframe" } });
      assert.is((await ask(port, "/", { headers: link })).status, 200);
    }
    const paths = [
      "/../package.json",
      "/%2e%2e/package.json",
      "/page/../../package.json",
      "//etc/passwd",
      "/config.yaml",
    ];
    for (const path of [...paths, "/..%2fpackage.json", "/page.js/", "/constructor", "/api", "http://x/page.js"]) {
      await refused(404, path);
    }
    await refused(405, "/", post);
    await refused(405, "/api/units");
    await refused(405, "/", { method: "DELETE" });
    await refused(405, "/api/live", { method: "PUT" });
    assert.match(await refused(413, "/api/units", { ...post, body: new Uint8Array(1) }), /too large: at most 0 bytes/);
    const chunked = { "transfer-encoding": "chunked" }; // without a length beforehand
    await refused(413, "/api/look", { ...post, headers: chunked, body: new Uint8Array(3073) });

    const { status, headers, text } = await ask(port, "/", { method: "HEAD" });
    assert.equal([status, text], [200, ""]);
    assert.match(String(headers["content-security-policy"]), /^default-src 'none'; script-src 'self'; /);
    assert.equal(
      [headers["x-content-type-options"], headers["cross-origin-resource-policy"], headers["cache-control"]],
      ["nosniff", "same-origin", "no-store"],
    );
  });
});

test("the network, live curves, and a new or damaged checkpoint", async () => {
  await withServer(async ({ port }, folder) => {
    const run = await jsonOf<RunInfo>(port, "/api/run");
    assert.equal(run.layers.map(({ name }) => name), ["conv1", "pool1", "conv2", "conv3", "globalAveragePool"]);
    const { what, output, parameters, field } = run.layers[2]!;
    assert.equal([what, output, parameters], ["3x3 convolution, ReLU", [8, 8, 16], 8 * 16 * 9 + 16]);
    // 3 pixels; 2 more pooled ones, 2 pixels apart; 2 more, 4 pixels apart.
    assert.equal(field, { height: 3 + 2 * 2 + 2 * 4, width: 15, stride: 4 });
    assert.equal(run.ways, ["switches", "no switches", "pooled strides"]);

    const live = () => settled(port), metrics = join(folder, "metrics.jsonl");
    assert.match((await jsonOf<LiveInfo>(port, "/api/live")).loading!.doing, /^Reading/, "it is not waited for");
    const first = await live();
    assert.equal([first.rows, first.state, first.epochs, first.problems], [[], "stopped", 3, []]);
    writeFileSync(metrics, `${LINE(1)}\n${LINE(2).slice(0, 40)}`); // as if it were read while it is written
    writeFileSync(join(folder, "run.lock"), JSON.stringify({ pid: 1, host: "elsewhere", started: null, since: "" }));
    const second = await live();
    assert.equal([second.rows.map(({ epoch }) => epoch), second.state, second.problems], [[1], "training", []]);
    writeFileSync(join(folder, "run.lock"), JSON.stringify({ pid: 2 ** 22 + 1, host: "", started: null, since: "" }));
    writeFileSync(metrics, `${LINE(1)}\n${LINE(2)}\n${LINE(3)}\n`);
    rmSync(join(folder, "run.lock"));
    const third = await live();
    assert.equal([third.rows.length, third.state], [3, "finished"]);

    const parametersOf = async () => (await decode((await ask(port, "/api/checkpoint")).bytes, "it")).tensors;
    const before = await parametersOf();
    await saveCheckpointOf(folder, 2);
    const renewed = await live();
    assert.is.not(renewed.checkpoint!.version, first.checkpoint!.version);
    assert.is.not((await parametersOf())["conv1/w"]!.data[0], before["conv1/w"]!.data[0]);
    writeFileSync(join(folder, CHECKPOINT), "no checkpoint");
    const damaged = await live();
    assert.is(damaged.checkpoint!.version, renewed.checkpoint!.version, "the one before stays in use");
    assert.is(damaged.problems.length, 1);
    assert.match(damaged.problems[0]!, /^Cannot read .*checkpoint\.safetensors"/);
    assert.is((await parametersOf())["conv1/w"]!.shape.join(), "3,3,3,8");
    assert.equal([damaged.run, damaged.loading], [first.run, null]);
  });
});

test("a damaged line of the metrics ends what is shown, and is named", () => {
  assert.equal(parseRows("").rows, []);
  assert.equal(parseRows(`${LINE(1)}\n${LINE(2)}`).rows.length, 2);
  const { rows, damaged } = parseRows(`${LINE(1)}\nno row\n${LINE(3)}\n`);
  assert.equal([rows.length, damaged], [1, 2]);
  assert.is(parseRows(`${LINE(2)}\n${LINE(1)}\n`).damaged, 2, "epochs go up");
});

test("pictures, probabilities, units and their patches; wrong questions are one line", async () => {
  await withServer(async ({ port }, folder) => {
    const post = { method: "POST" };
    const body = await jpeg(1, 1, 60, 50),
      picture = await jsonOf<PictureInfo>(port, "/api/picture?name=a.jpg", {
        ...post,
        body,
      });
    assert.equal([picture.from, fromBase64(picture.pixels).length], [[50, 60], 32 * 32 * 3]);
    const bad = await ask(port, "/api/picture?name=a.txt", { ...post, body: Uint8Array.of(1, 2, 3) });
    assert.is(bad.status, 422);
    assert.match(JSON.parse(bad.text).error, /^Cannot read "a\.txt" as an image: /);
    const samples = await jsonOf<PictureInfo[]>(port, "/api/samples"), test = generateShapes(1, "test", 1);
    assert.is(samples[0]!.pixels, toBase64(Uint8Array.from(test.images)));
    assert.is(samples[0]!.label, test.labels[0]);

    const pixels = fromBase64(picture.pixels), path = "/api/look?layer=conv2&unit=3&way=switches";
    const look = await jsonOf<LookInfo>(port, path, { ...post, body: pixels });
    assert.equal(look.seen.map(({ method, unit }) => [method, unit]), [["gradient", 3], ["deconvnet", 3], [
      "guided",
      3,
    ]]);
    assert.ok(Math.abs(floatsOf(look.probabilities).reduce((a, b) => a + b) - 1) < 1e-5);
    assert.is(look.maps, null);
    const asMap = await jsonOf<LookInfo>(port, `${path}&method=classMap&maps=true`, { ...post, body: pixels });
    assert.equal(asMap.seen.map(({ method }) => method), ["classMap"]);
    const { values: found, ...shape } = asMap.maps!, own = await loadModel(await gpu(), folder);
    const [mapped] = await featureMaps(own, await preprocess(own, Float32Array.from(pixels)), "conv2");
    assert.equal(shape, { height: mapped!.height, width: mapped!.width, channels: mapped!.channels });
    assert.ok(relativeError(floatsOf(found), mapped!.values) < 1e-5);
    // With pooled strides a pooling comes in behind conv1, and what was pool1 is the second.
    const model = poolModel(await loadModel(await gpu(), folder));
    const image = await preprocess(model, Float32Array.from(pixels));
    for (const [layer, inPooled] of [["conv1", "pool1"], ["pool1", "pool2"], ["conv2", "conv2"]] as const) {
      const ask = `/api/look?layer=${layer}&unit=top&way=pooled+strides`,
        { seen } = await jsonOf<LookInfo>(port, ask, {
          ...post,
          body: pixels,
        });
      const [expected] = await explain(model, image, { layer: inPooled, unit: "top", rule: "guided" });
      const { unit, position, reconstruction } = seen[2]!;
      assert.equal([unit, position], [expected!.unit, expected!.position]);
      assert.ok(relativeError(floatsOf(reconstruction), expected!.reconstruction) < 1e-5);
    }
    const { look: first } = await jsonOf<FirstLook>(port, "/api/first"), start = "layer=globalAveragePool&unit=top";
    const same = { ...post, body: fromBase64(samples[0]!.pixels) };
    assert.equal(first, await jsonOf<LookInfo>(port, `/api/look?${start}&way=switches`, same));
    for (
      const [query, message] of [
        ["layer=conv2&unit=3&way=switches&method=magic", /^Cannot explain by "magic": expected one of gradient, /],
        [
          "layer=conv9&unit=3&way=switches",
          /^Cannot look into layer "conv9".*, did you mean conv1\? It has conv1, pool1, /,
        ],
        ["layer=conv2&unit=99&way=switches", /^Cannot explain unit 99 of layer "conv2": it has units 0 to 15, or top/],
        ["layer=conv2&unit=-1&way=switches", /^Cannot use unit "-1"/],
        ["layer=conv2&unit=3&way=up", /^There is no way "up"/],
        ["unit=3&way=up", /^The request has no "layer"/],
      ] as const
    ) {
      const { status, text } = await ask(port, `/api/look?${query}`, { ...post, body: pixels });
      assert.is(status, 422);
      assert.match(JSON.parse(text).error, message);
    }

    // In the course of a training: of each epoch that is kept, the last of which is the checkpoint here.
    const inTime = "/api/timeline?layer=conv2&unit=3&way=switches&method=guided", looking = { ...post, body: pixels };
    assert.match((await ask(port, inTime, looking)).text, /^\{"error":".* keeps no checkpoints of its training"\}\n$/);
    await saveCheckpointOf(folder, 5, CONFIG, "epoch-0.safetensors");
    copyFileSync(join(folder, CHECKPOINT), join(folder, "epoch-10.safetensors"));
    assert.equal((await settled(port)).kept, [0, 10]);
    const frames = await resultOf<Timeline>(port, inTime, pixels), last = frames.at(-1)!;
    assert.equal(frames.map(({ epoch }) => epoch), [0, 10]);
    assert.equal([last.reconstruction, last.probabilities], [look.seen[2]!.reconstruction, look.probabilities]);
    assert.is.not(frames[0]!.reconstruction, last.reconstruction);
    writeFileSync(join(folder, "epoch-3.safetensors"), "no checkpoint");
    assert.match(
      (await ask(port, inTime, looking)).text,
      /\{"error":"Cannot read \\".*epoch-3\.safetensors\\"[^\n]*\}\n$/,
    );

    const { units, examples } = await resultOf<TopUnits>(port, "/api/units?layer=conv2");
    assert.equal([units.length, examples], [16, 40]);
    const { patches } = await resultOf<UnitPatches>(port, "/api/patches?layer=conv2&unit=3");
    assert.is(patches.length, 9);
    assert.ok(Math.abs(patches[0]!.activation - units[3]!.activation) < 1e-4);
    assert.ok(patches.every(({ activation }, rank) => rank === 0 || activation <= patches[rank - 1]!.activation));
    const { height, width } = patches[0]!.image;
    assert.equal([height, width], [15, 15], "padded where it reaches beyond the image");
    assert.is(floatsOf(patches[0]!.reconstructions[2]!).length, height * width * 3);
    const { text } = await ask(port, "/api/units?layer=conv9", post);
    assert.match(JSON.parse(text.trim().split("\n").at(-1)!).error, /^Cannot look into layer "conv9"/);
  });
});

test("on port 80 browsers leave the port out", () => {
  const why = (headers: Readonly<Record<string, string>>, port: number) =>
    refusal({ method: "POST", path: "/api/units", header: (name) => headers[name] }, port)?.status ?? null;
  for (const name of ["localhost", "127.0.0.1", "[::1]"]) {
    assert.is(why({ host: name, origin: `http://${name}` }, 80), null);
    assert.is(why({ host: `${name}:80`, origin: `http://${name}:80` }, 80), null);
    assert.is(why({ host: name }, 8080), 403);
  }
  assert.is(why({ host: "example.com" }, 80), 403);
  assert.is(why({ host: "localhost", origin: "http://example.com" }, 80), 403);
  assert.is(why({ host: "localhost", origin: "https://localhost" }, 80), 403);
});

test("allcnn serve prints its address and ends with Ctrl-C; a port in use and a missing run are one line", async () => {
  await withServer(async ({ port }, folder) => {
    const stopWhen = (stdout: string) => stdout.includes("Open http") ? "SIGINT" as const : null;
    const { code, stdout, stderr } = await allcnn(["serve", folder, "--port=0"], { stopWhen });
    assert.equal([code, stderr], [0, ""]);
    assert.match(stdout, /^Open http:\/\/127\.0\.0\.1:\d+\/ in a browser .*\nStopped\n$/m);
    const used = await allcnn(["serve", folder, `--port=${port}`]);
    assert.equal([used.code, used.stderr], [
      1,
      `allcnn: Cannot serve on port ${port}: another program uses it; choose another with --port N, or --port 0 for ` +
      "any free one\n",
    ]);
    const missing = await allcnn(["serve", `${folder}/nothing`]);
    assert.match(missing.stderr, /^allcnn: Cannot read ".*nothing": it does not exist\n$/);
    const other = await allcnn(["serve", join(folder, CHECKPOINT), "--config=quickstart"]);
    assert.match(
      other.stderr,
      /^allcnn: Cannot use checkpoint ".*": tensor "conv1\/w" is \[3, 3, 3, 8\], the network needs /,
    );
    const high = await allcnn(["serve", folder, "--port=70000"]);
    assert.match(high.stderr, /^allcnn: --port expects a whole number from 0 to 65535, got "70000"\n$/);
  });
});

test.run();
