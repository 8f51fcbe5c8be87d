/**
 * Where the network runs: in this browser, on the library that the server hands out, and on the server where the browser
 * has no WebGPU or fails.
 */
import type { Context } from "../core/device/device.ts";
import { type CheckpointInfo, type FirstLook, type LookInfo, lookOf } from "../serve/protocol.ts";
import { type Look, look, type Selection } from "../serve/look.ts";
import { getJson, LostError, postJson } from "./api.ts";
import { messageOf, pause } from "./element.ts";
import { hasAdapter, type Library, load, loadLibrary } from "./load_here.ts";
import type { Model } from "../training/model.ts";

export interface Looked extends Look {
  /** Is it the server that computes from now on? */
  readonly onServer: boolean;
  /** One line: where it was computed, and why not in the browser. */
  readonly where: string;
}

type Asked = Parameters<Engine["look"]>;

/** Milliseconds that a browser has that compiles its first shaders, before the server is asked in its place. */
const PATIENCE = 1000;
const UNTIL = "until this browser is ready to compute";

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

/**
 * `checkpoint` is asked for each time: a new one is loaded anew. Without a server this browser computes, or nobody.
 * `whenReady` is called once it is known whether the browser can compute what the server did in its place.
 */
export function engineOf(
  checkpoint: () => CheckpointInfo | null,
  hasServer: boolean,
  whenReady: () => void,
): Engine {
  let library: Library | null = null, context: Context | null = null;
  let opened: { readonly version: string; readonly model: Model } | null = null;
  // Shaders are compiled for the first look, and serve those that follow; until then the server may stand in.
  let ready = false, stoodIn = false, warming: Promise<void> | null = null;
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
    ready = false;
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

  /** Null where this browser cannot. Throws where nobody could. */
  async function lookHere(info: CheckpointInfo, ...[pixels, selection, , say]: Asked): Promise<Looked | null> {
    try {
      const model = await modelFor(info, say);
      say("Computing in this browser");
      const result = await look(library!, model, pixels, selection);
      ready = true;
      return { ...result, onServer: false, where: `Computed in this browser, on ${model.context.description}` };
    } catch (error) {
      // A method that does not fit the layer fits it on the server no better.
      if (error instanceof LostError || opened !== null && (error as Error).name === "UserError") throw error;
      failed = { version: info.version, why: messageOf(error) };
      drop();
      return null;
    }
  }

  /** In this browser; null where it cannot, or is not ready yet. */
  async function lookSoon(info: CheckpointInfo, ...asked: Asked): Promise<Looked | null> {
    if (ready || !hasServer) return await lookHere(info, ...asked);
    if (warming !== null) return null;
    const here = lookHere(info, ...asked);
    warming = here.catch(() => null).then(() => {
      warming = null;
      if (stoodIn) whenReady();
      stoodIn = false;
    });
    return await Promise.race([here, pause(PATIENCE).then(() => null)]);
  }

  async function lookAt(...asked: Asked): Promise<Looked> {
    const [pixels, selection, onServer, say] = asked, info = current();
    const able = () => !onServer && !noGpu && failed?.version !== info.version;
    const looked = able() ? await lookSoon(info, ...asked) : null;
    if (looked !== null) return looked;
    if (!hasServer) throw new Error(`This browser cannot compute it: ${failed?.why}`);
    const late = able();
    if (!late) say("Computing on the server");
    const { layer, unit, way, method, maps } = selection;
    const query = { layer, unit: String(unit), way, method, maps: String(maps) };
    const question = postJson<LookInfo>("api/look", query, pixels);
    const answer = await Promise.race([question, ...late ? [Promise.resolve(warming).then(() => null)] : []]);
    if (answer === null) { // the browser was ready before the server, or has failed
      question.catch(() => {});
      return await lookAt(...asked);
    }
    stoodIn = late;
    const why = late ? UNTIL : onServer ? "as chosen" : `since it is not possible in this browser: ${failed?.why}`;
    return { ...lookOf(answer), onServer: !late, where: `Computed on the server, ${why}` };
  }

  async function first(): Promise<Looked> {
    const { look } = await getJson<FirstLook>("api/first");
    const where = hasServer ? "Computed on the server" : "Computed when this page was written";
    return { ...lookOf(look), onServer: false, where: `${where}, ${UNTIL}` };
  }

  return { look: lookAt, first, open };
}
