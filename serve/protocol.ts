/** What the page and the server say to one another: plain data, as JSON carries it. */
import type { EpochMetrics } from "../report/metrics.ts";

/** A layer as the diagram shows it. */
export interface LayerInfo {
  readonly name: string;
  /** "3x3 convolution, stride 2, ReLU" */
  readonly what: string;
  readonly output: readonly [height: number, width: number, channels: number];
  /** Weights and biases. */
  readonly parameters: number;
  /** What one unit sees of the image, and how far its neighbour's view lies from it, in pixels. */
  readonly field: { readonly height: number; readonly width: number; readonly stride: number };
}

/** What does not change while the server runs. */
export interface RunInfo {
  readonly name: string;
  /** The run or checkpoint, as the command line named it. */
  readonly path: string;
  /** The device that the server computes on. */
  readonly device: string;
  /** The shape of an image as a picture is cut to, and as the network sees it. */
  readonly images: readonly [height: number, width: number, channels: number];
  readonly input: readonly [height: number, width: number, channels: number];
  readonly classes: readonly string[];
  readonly layers: readonly LayerInfo[];
  /** Does it pool, so that there are switches? */
  readonly pools: boolean;
  /** Test images that are searched for top patches, at most. */
  readonly examples: number;
}

/** A checkpoint that is in use. */
export interface CheckpointInfo {
  /** Another checkpoint has another version. */
  readonly version: string;
  /** Finished epochs and steps; null in a file made elsewhere. */
  readonly epoch: number | null;
  readonly step: number | null;
  /** Does it whiten its images? */
  readonly whitens: boolean;
}

/** What changes while a training runs. */
export interface LiveInfo {
  readonly rows: readonly EpochMetrics[];
  /** Epochs that the config asks for, or null where it counts in iterations. */
  readonly epochs: number | null;
  /** `none`: a checkpoint without a run. */
  readonly state: "training" | "finished" | "stopped" | "none";
  readonly checkpoint: CheckpointInfo | null;
  /** What is wrong with checkpoint or metrics, one line each. */
  readonly problems: readonly string[];
}

/** A picture, decoded and scaled to the network's images. */
export interface PictureInfo {
  /** Base64 of height * width * 3 bytes. */
  readonly pixels: string;
  readonly from: readonly [height: number, width: number];
}

/** Where a unit is the most active: an example of the data set, [y, x] in the layer's output. */
export interface TopPatch {
  readonly example: number;
  readonly position: readonly [number, number];
  readonly activation: number;
  /** What the unit sees, clipped to the image. */
  readonly field: { readonly top: number; readonly left: number; readonly height: number; readonly width: number };
}

export interface TopPatches {
  readonly version: string;
  /** How many examples were searched. */
  readonly examples: number;
  /** For each unit, the most active first. */
  readonly units: readonly (readonly TopPatch[])[];
}

/** The signal back at the pixels that a unit's top patches show, base64 of float32 [height, width, channels] each. */
export interface Reconstructions {
  readonly version: string;
  readonly patches: readonly string[];
}

/** A line of an answer that takes long. */
export type Told<T> =
  | { readonly doing: string; readonly done: number }
  | { readonly result: T }
  | { readonly error: string };

/** Base64 of the bytes of an array. */
export function toBase64({ buffer, byteOffset, byteLength }: Uint8Array | Float32Array): string {
  const bytes = new Uint8Array(buffer, byteOffset, byteLength), parts: string[] = [];
  for (let at = 0; at < bytes.length; at += 0x8000) parts.push(String.fromCharCode(...bytes.subarray(at, at + 0x8000)));
  return btoa(parts.join(""));
}

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

export const floatsOf = (text: string): Float32Array<ArrayBuffer> => new Float32Array(fromBase64(text).buffer);
