/** What the tests do in a browser, through the library as a page uses it; what they compare with does the same in Node. */
import * as allcnn from "../../mod.ts";
import { tuneOps } from "../../core/tune/tune.ts";
import * as storage from "../../core/host/files.ts";
import { tensor } from "../../core/graph/tensor.ts";
import { checkStorage as check } from "../core/_storage_contract.ts";
import { trainTiny as train } from "./_engine.ts";

let opened: Promise<allcnn.Context> | null = null;
const device = () => opened ??= allcnn.openDevice();

/** With the kernels of SwiftShader's subgroups in Node too: llvmpipe's own take it most of a minute to compile. */
export async function trainTiny() {
  const context = await device();
  return await train({ ...context, limits: { ...context.limits, subgroupSize: 4 } });
}

export async function checkStorage(root: string): Promise<void> {
  await check(storage, root);
}

/** The first images of the config's data, preprocessed. */
async function examples({ dataset }: allcnn.Config, split: "train" | "test") {
  return await allcnn.prepare(await device(), { config: dataset, directory: null }, split, null);
}

/** Trains the network of a config, saves it to `path`, and returns losses, errors and parameters. */
export async function trainConfig(text: string, settings: readonly string[], path: string) {
  const config = allcnn.parseConfig(text, "quickstart.yaml", settings);
  const model = await allcnn.openModel(await device(), config, { seed: 3 });
  const validation = await examples(config, "test");
  const rows = await allcnn.train(model, await examples(config, "train"), { ...config.training, validation, seed: 3 });
  await allcnn.saveModel(model, path);
  const params = await allcnn.getParams(model);
  allcnn.closeModel(model);
  return {
    description: model.context.description,
    losses: rows.flatMap(({ trainLoss, testLoss }) => [trainLoss, testLoss!]),
    errors: rows.flatMap(({ trainError, testError }) => [trainError, testError!]),
    params: Object.fromEntries(Object.entries(params).map(([name, { data }]) => [name, Array.from(data)])),
  };
}

/** Loss and error of the checkpoint at `path`, which is fetched first where `url` says from where. */
export async function evaluateCheckpoint(path: string, url: string | null) {
  if (url !== null) await storage.writeFile(path, new Uint8Array(await (await fetch(url)).arrayBuffer()));
  const model = await allcnn.loadModel(await device(), path);
  const score = await allcnn.evaluate(model, await examples(model.config!, "test"));
  allcnn.closeModel(model);
  return score;
}

/** The parameters of the network that comes along, from bytes that a page has fetched, or by its name. */
export async function loadDemo(url: string | null): Promise<Record<string, number[]>> {
  const source = url === null ? "demo" : new Uint8Array(await (await fetch(url)).arrayBuffer());
  const model = await allcnn.loadModel(await device(), source), params = await allcnn.getParams(model);
  allcnn.closeModel(model);
  return Object.fromEntries(Object.entries(params).map(([name, { data }]) => [name, Array.from(data.subarray(0, 99))]));
}

/** What `openDevice` says in a browser without WebGPU. */
export async function messageWithoutWebGPU(): Promise<string> {
  Object.defineProperty(navigator, "gpu", { value: undefined, configurable: true });
  try {
    return await allcnn.openDevice().then(() => "", (error: unknown) => (error as Error).message);
  } finally {
    Reflect.deleteProperty(navigator, "gpu"); // uncovers the browser's own
  }
}

/** Opens the example's page in a frame, evaluates the network it finds saved, and returns what the page then says. */
export async function useExample(url: string) {
  const frame = document.createElement("iframe");
  frame.src = url;
  document.body.append(frame);
  const find = (selector: string) => [...frame.contentDocument?.querySelectorAll<HTMLElement>(selector) ?? []];
  const text = (selector: string) => find(selector)[0]?.textContent ?? "";
  const until = async (done: () => boolean) => {
    while (!done()) {
      if (find("#status.wrong").length > 0) throw new Error(text("#status"));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  await until(() => find("#evaluate:enabled").length > 0);
  find("#evaluate")[0]!.click();
  await until(() => text("#status").startsWith("The saved network"));
  const result = { device: text("#device"), status: text("#status"), images: find("figure").length };
  frame.remove();
  return result;
}

/** Searches one small convolution; returns how many candidates were measured, and what the cache made of it. */
export async function tune() {
  const context = await device(), warnings: string[] = [];
  const cache = await allcnn.openTuneCache(context.scope, (message) => warnings.push(message));
  const problem = { batch: 2, height: 4, width: 4, inChannels: 3, outHeight: 4, outWidth: 4, outChannels: 5 };
  const op = allcnn.op(allcnn.convForward, { ...problem, kernel: 1, stride: 1, padding: 0, bias: true, slope: 0 }, {
    label: "conv/forward",
    reads: [tensor("x", [2, 4, 4, 3]), tensor("w", [1, 1, 3, 5]), tensor("b", [5])],
    writes: [tensor("y", [2, 4, 4, 5])],
  });
  const budget = { seconds: 20, spent: 0, again: false, onOutcome: () => {} };
  const [outcome] = await tuneOps(context, [op], cache, { ...budget, stop: () => false, onCandidate: () => {} });
  const tuner = allcnn.cachedTuner(context, cache, (message) => warnings.push(message));
  const { rows, winner } = (await cache.all())[0]!;
  return {
    measured: outcome!.measured,
    files: await storage.list(cache.folder),
    timed: rows.filter(({ status }) => status === "timed").length,
    winner,
    chosen: await tuner.choose(op),
    warnings,
  };
}
