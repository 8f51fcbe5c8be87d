/**
 * Where the network runs: in this browser, on the library that the server hands out, and on the server where the browser
 * has no WebGPU or fails.
 */
import type { Context } from "../core/device/device.ts";
import { type CheckpointInfo, type FirstLook, type LookInfo, lookOf } from "../serve/protocol.ts";
import { type Look, look, type Selection } from "../serve/look.ts";
import { getBytes, getJson, LostError, postJson } from "./api.ts";
import { messageOf } from "./element.ts";
import type { Model } from "../training/model.ts";

type Library = typeof import("../mod.ts");

export interface Looked extends Look {
  /** Was it the server that computed it? */
  readonly onServer: boolean;
  /** One line: where it was computed, and why not in the browser. */
  readonly where: string;
}

/** Files in the browser's storage while a model is opened. */
const CHECKPOINT = "serve/checkpoint.safetensors", WHITENING = "serve/whitening.safetensors";

/** A network in this browser. */
export interface Opened {
  readonly library: Library;
  readonly model: Model;
  readonly version: string;
}

export interface Engine {
  /** Looks at a picture; `say` hears what takes a while. */
  look(
    pixels: Uint8Array<ArrayBuffer>,
    selection: Selection,
    onServer: boolean,
    say: (doing: string) => void,
  ): Promise<Looked>;
  /** What is to be seen where the page starts, computed elsewhere, as this browser may have to compile shaders first. */
  first(): Promise<Looked>;
  /** The network, for this browser to compute with. Throws where it cannot. */
  open(say: (doing: string) => void): Promise<Opened>;
}

/** `checkpoint` is asked for each time: a new one is loaded anew. Without a server this browser computes, or nobody. */
export function engineOf(checkpoint: () => CheckpointInfo | null, hasServer: boolean): Engine {
  let library: Library | null = null, context: Context | null = null;
  let opened: { readonly version: string; readonly model: Model } | null = null;
  // A browser without a GPU stays so; whatever else went wrong did so with one checkpoint.
  let noGpu = false, failed: { readonly version: string; readonly why: string } | null = null;

  async function modelFor({ version, whitens }: CheckpointInfo, say: (doing: string) => void): Promise<Model> {
    if (opened?.version === version) return opened.model;
    library ??= await loadLibrary();
    if (context === null) {
      say("Opening the GPU of this browser");
      if (!await hasAdapter()) noGpu = true;
      context = await library.openDevice();
    }
    say("Loading the network");
    const { closeModel } = library, before = opened?.model ?? null;
    opened = null;
    try {
      const model = await navigator.locks.request("allcnn serve", () => load(library!, context!, whitens));
      opened = { version, model };
      return model;
    } finally {
      if (before !== null) closeModel(before);
    }
  }

  /** Forgets the model and the device, which may be what failed. */
  function drop(): void {
    if (opened !== null) library!.closeModel(opened.model);
    context?.close();
    opened = context = null;
  }

  function current(): CheckpointInfo {
    const info = checkpoint();
    if (info === null) throw new Error("There is no checkpoint to compute with yet");
    return info;
  }

  async function open(say: (doing: string) => void): Promise<Opened> {
    const info = current(), model = await modelFor(info, say);
    return { library: library!, model, version: info.version };
  }

  async function lookAt(...[pixels, selection, onServer, say]: Parameters<Engine["look"]>): Promise<Looked> {
    const info = current(), { version } = info;
    if (!onServer && !noGpu && failed?.version !== version) {
      try {
        const model = await modelFor(info, say);
        say("Computing in this browser");
        const result = await look(library!, model, pixels, selection);
        return { ...result, onServer: false, where: `Computed in this browser, on ${model.context.description}` };
      } catch (error) {
        // A method that does not fit the layer fits it on the server no better.
        if (error instanceof LostError || opened !== null && (error as Error).name === "UserError") throw error;
        failed = { version, why: messageOf(error) };
        drop();
      }
    }
    if (!hasServer) throw new Error(`This browser cannot compute it: ${failed?.why}`);
    say("Computing on the server");
    const { layer, unit, way, method, maps } = selection;
    const query = { layer, unit: String(unit), way, method, maps: String(maps) };
    const answer = await postJson<LookInfo>("api/look", query, pixels);
    const why = onServer ? "as chosen" : `since it is not possible in this browser: ${failed?.why}`;
    return { ...lookOf(answer), onServer: true, where: `Computed on the server, ${why}` };
  }

  async function first(): Promise<Looked> {
    const { look } = await getJson<FirstLook>("api/first");
    const where = hasServer ? "Computed on the server" : "Computed when this page was written";
    return { ...lookOf(look), onServer: true, where: `${where}, until this browser is ready to compute` };
  }

  return { look: lookAt, first, open };
}

const hasAdapter = async () => await navigator.gpu?.requestAdapter().catch(() => null) != null;

/** `loadModel` reads files: they lie in the browser's storage meanwhile, of one tab at a time. */
async function load({ writeFile, removeFile, loadModel }: Library, context: Context, whitens: boolean): Promise<Model> {
  try {
    await writeFile(CHECKPOINT, await getBytes("api/checkpoint"));
    if (whitens) await writeFile(WHITENING, await getBytes("api/whitening"));
    return await loadModel(context, CHECKPOINT);
  } finally {
    await removeFile(CHECKPOINT);
    await removeFile(WHITENING);
  }
}

/** The page forbids code out of texts, which zod would try. */
async function loadLibrary(): Promise<Library> {
  Object.assign(globalThis, { __zod_globalConfig: { jitless: true } });
  const path = new URL("allcnn.js", document.baseURI).href; // not part of this bundle
  return await import(path).catch((error) => {
    throw new LostError(`Cannot load the library from the server: ${messageOf(error)}; reload the page`);
  }) as Library;
}
