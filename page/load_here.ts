/** The library that the server hands out, and the network, brought into this browser. */
import type { Context } from "../core/device/device.ts";
import type { Model } from "../training/model.ts";
import { getBytes, LostError } from "./api.ts";
import { messageOf } from "./element.ts";

export type Library = typeof import("../mod.ts");

/** Files in the browser's storage while a model is opened. */
const CHECKPOINT = "serve/checkpoint.safetensors", WHITENING = "serve/whitening.safetensors";

/** Can WebGPU compute here? */
export const hasAdapter = async () => await navigator.gpu?.requestAdapter().catch(() => null) != null;

/** `loadModel` reads files: they lie in the browser's storage meanwhile, of one tab at a time. */
export async function load(
  { writeFile, removeFile, loadModel }: Library,
  context: Context,
  whitens: boolean,
): Promise<Model> {
  try {
    await writeFile(CHECKPOINT, await getBytes("api/checkpoint"));
    if (whitens) await writeFile(WHITENING, await getBytes("api/whitening"));
    return await loadModel(context, CHECKPOINT);
  } finally {
    await removeFile(CHECKPOINT);
    await removeFile(WHITENING);
  }
}

/** Throws `LostError` where it cannot be loaded. */
export async function loadLibrary(): Promise<Library> {
  const path = new URL("allcnn.js", document.baseURI).href; // not part of this bundle
  return await import(path).catch((error) => {
    throw new LostError(`Cannot load the library from the server: ${messageOf(error)}; reload the page`);
  }) as Library;
}
