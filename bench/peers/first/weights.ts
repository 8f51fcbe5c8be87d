/** What the peers of `npm run peers:first` are given: the weights of All-CNN-C, one image, and how they answer. */
import { readFileSync } from "node:fs";
import process from "node:process";
import type { Config } from "../../../configs/schema.ts";

export interface Weights {
  readonly config: Config;
  /** By name, HWIO and as our parameters are called. */
  readonly values: Readonly<Record<string, { readonly shape: readonly number[]; readonly data: Float32Array }>>;
  /** 32x32x3, rows of pixels. */
  readonly image: Float32Array;
}

/** Milliseconds since the process started, and what came out. */
export interface Answer {
  readonly imported: number;
  readonly predicted: number;
  readonly logits: readonly number[];
}

/** Of the folder that the process is given. */
export function readWeights(): Weights {
  const folder = process.argv[2]!, bytes = readFileSync(`${folder}/weights.bin`);
  const { config, index } = JSON.parse(readFileSync(`${folder}/weights.json`, "utf8"));
  const floats = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  const values: Record<string, { shape: number[]; data: Float32Array }> = {};
  let at = 0;
  for (const [name, shape] of index as [string, number[]][]) {
    const size = shape.reduce((a, b) => a * b, 1);
    values[name] = { shape, data: floats.slice(at, at += size) };
  }
  return { config, values, image: floats.slice(at, at + 32 * 32 * 3) };
}

export function answer(given: Answer): never {
  process.stdout.write(`${JSON.stringify(given)}\n`);
  process.exit(0);
}
