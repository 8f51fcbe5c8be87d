/** What the page and the server say to one another: plain data, as JSON carries it. */
import type { Rule } from "../core/graph/layer.ts";
import type { FeatureMaps } from "../explain/feature_maps.ts";
import type { LayerInfo } from "../explain/network_info.ts";
import type { EpochMetrics } from "../report/metrics.ts";
import type { Look, Seen, Way } from "./look.ts";

export type { LayerInfo };

/** What does not change while the server runs. */
export interface RunInfo {
  readonly name: string;
  /** The run or checkpoint, as the command line named it. */
  readonly path: string;
  /** The device that the server computes on; null where there is no server, only files. */
  readonly device: string | null;
  /** The shape of an image as a picture is cut to, and as the network sees it. */
  readonly images: readonly [height: number, width: number, channels: number];
  readonly input: readonly [height: number, width: number, channels: number];
  readonly classes: readonly string[];
  /** Those that hold no others. */
  readonly layers: readonly LayerInfo[];
  /** The ways back that differ for this network, the usual one first. */
  readonly ways: readonly Way[];
  /** How an image can be explained: `METHODS`. */
  readonly methods: readonly { readonly key: string; readonly about: string }[];
  /** Test images that are searched for top patches, at most. */
  readonly examples: number;
  /** What these are, in words. */
  readonly searched: string;
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

/** Work in progress, and the share of it that is done, 0 to 1. */
export interface Doing {
  readonly doing: string;
  readonly done: number;
}

/** What changes while a training runs. */
export interface LiveInfo {
  /** Another run or checkpoint that is served has another. */
  readonly run: string;
  readonly rows: readonly EpochMetrics[];
  /** Epochs that the config asks for, or null where it counts in iterations. */
  readonly epochs: number | null;
  /** `none`: a checkpoint without a run. */
  readonly state: "training" | "finished" | "stopped" | "none";
  readonly checkpoint: CheckpointInfo | null;
  /** The finished epochs of which the run keeps the parameters; of a checkpoint alone none. */
  readonly kept: readonly number[];
  /** While a checkpoint is loaded. */
  readonly loading: Doing | null;
  /** What is wrong with checkpoint or metrics, one line each. */
  readonly problems: readonly string[];
}

/** A picture of the shape of the network's images: one that was sent, decoded and scaled, or one of the data set. */
export interface PictureInfo {
  /** Base64 of height * width * channels bytes. */
  readonly pixels: string;
  /** The size it had; null where it is one of the data set. */
  readonly from: readonly [height: number, width: number] | null;
  /** Its class, where that is known. */
  readonly label: number | null;
}

/** Pixels of a part of an image, base64 of height * width * channels bytes. */
export interface PatchPicture {
  readonly height: number;
  readonly width: number;
  readonly pixels: string;
}

/** The units of a layer; null for one without any example. */
export interface TopUnits {
  readonly version: string;
  /** How many test images were searched. */
  readonly examples: number;
  readonly units: readonly ({ readonly activation: number; readonly image: PatchPicture } | null)[];
}

/** The patches that activate one unit most, the most active first. */
export interface UnitPatches {
  readonly version: string;
  readonly rules: readonly Rule[];
  readonly patches: readonly {
    readonly example: number;
    readonly label: number;
    /** [y, x] in the layer's output. */
    readonly position: readonly [number, number];
    readonly activation: number;
    readonly image: PatchPicture;
    /** By each rule, base64 of float32 [height, width, channels] of the image. */
    readonly reconstructions: readonly string[];
  }[];
}

/** `Look` as JSON: base64 of float32. */
export interface LookInfo {
  readonly probabilities: string;
  readonly seen: readonly (Omit<Seen, "reconstruction"> & { readonly reconstruction: string })[];
  readonly maps: (Omit<FeatureMaps, "values"> & { readonly values: string }) | null;
}

/** What the page shows first: the first of the images of the data set, where the page starts. */
export interface FirstLook {
  /** Of the checkpoint. */
  readonly version: string;
  readonly look: LookInfo;
}

/** What the network made of a picture after each epoch that the run keeps. */
export type Timeline = readonly {
  /** 0 is before the first step. */
  readonly epoch: number;
  /** Of each class, base64 of float32. */
  readonly probabilities: string;
  /** What the unit puts out where it is the most active. */
  readonly activation: number;
  /** What one method makes of it, base64 of float32. */
  readonly reconstruction: string;
}[];

/** A line of an answer that takes long. */
export type ProgressLine<T> =
  | Doing
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

export const lookInfo = ({ probabilities, seen, maps }: Look): LookInfo => ({
  probabilities: toBase64(probabilities),
  seen: seen.map((each) => ({ ...each, reconstruction: toBase64(each.reconstruction) })),
  maps: maps === null ? null : { ...maps, values: toBase64(maps.values) },
});

export const lookOf = ({ probabilities, seen, maps }: LookInfo): Look => ({
  probabilities: floatsOf(probabilities),
  seen: seen.map((each) => ({ ...each, reconstruction: floatsOf(each.reconstruction) })),
  maps: maps === null ? null : { ...maps, values: floatsOf(maps.values) },
});
