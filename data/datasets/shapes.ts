import * as z from "zod";
import { UserError } from "../../core/host/errors.ts";
import { draw, key, streamOf } from "../../core/graph/random.ts";
import type { Dataset } from "../dataset.ts";
import type { DatasetKind } from "./dataset_kind.ts";

// Every number comes from an integer hash and from + - * / and sqrt, which IEEE 754 rounds alike everywhere; sin, cos
// and exp it does not, so rotations and stripes do without them.

const SIDE = 32;
const IMAGE = SIDE * SIDE * 3;

type Rgb = readonly [red: number, green: number, blue: number];
/** A function of the pixel: signed distance in units of the shape's radius (negative inside), or brightness to add. */
type Field = (x: number, y: number) => number;

const box = (u: number, v: number, w: number, h: number) => Math.max(Math.abs(u) - w, Math.abs(v) - h);
/** Distance to the middle of the nearest of the bands that lie `period` apart, one of them around 0. */
const band = (u: number, period: number) => Math.abs(u - period * Math.round(u / period));
const plus = (u: number, v: number) => Math.min(box(u, v, 0.95, 0.26), box(u, v, 0.26, 0.95));
const bars = (u: number, v: number) => Math.max(box(u, v, 0.95, 0.95), band(v, 0.74) - 0.21);

/** Signed distance (outside the corners a lower bound of it) at (u, v): u to the right, v downwards, radius about 1. */
const SHAPES: Readonly<Record<string, Field>> = {
  disc: (u, v) => Math.sqrt(u * u + v * v) - 0.95,
  ring: (u, v) => Math.abs(Math.sqrt(u * u + v * v) - 0.78) - 0.2,
  square: (u, v) => box(u, v, 0.84, 0.84),
  frame: (u, v) => Math.abs(box(u, v, 0.7, 0.7)) - 0.19,
  triangle: (u, v) => Math.max(Math.abs(u) * 0.866 - v * 0.5, v) - 0.55,
  plus,
  cross: (u, v) => plus((u + v) * 0.7071, (u - v) * 0.7071),
  "horizontal bars": bars,
  "vertical bars": (u, v) => bars(v, u),
  // Five of 3x3 cells: the middle, and (by symmetry once for all four) the corners.
  checkerboard: (u, v) => Math.min(box(u, v, 0.31, 0.31), box(Math.abs(u) - 0.62, Math.abs(v) - 0.62, 0.31, 0.31)),
};

/** The class names in the order of the labels. */
export const SHAPE_CLASSES: readonly string[] = Object.keys(SHAPES);

/**
 * Makes a small data set that needs no download: one textured shape per image, on a textured ground.
 *
 * Position, size, a small rotation, both colours and both textures are random, and either colour may be the lighter
 * one: a small convolutional network learns the ten classes within a few hundred steps, a linear classifier hardly.
 *
 * @param seed any unsigned 32-bit integer; the same seed gives the same images on every platform
 * @param split `train` and `test` draw from disjoint streams
 * @param count how many images; the first `n` of them do not depend on it
 * @returns images `[count, 32, 32, 3]`, integers 0..255, and labels `0, 1, ... 9, 0, 1, ...`
 * @throws {UserError} `count` is not a positive integer
 *
 * @example
 * ```ts
 * const { images, labels, shape } = generateShapes(1, "train", 20);
 * console.log(shape, images.length, labels[11]); // [ 32, 32, 3 ] 61440 1
 * ```
 */
export function generateShapes(seed: number, split: "train" | "test", count: number): Dataset {
  if (!(Number.isInteger(count) && count > 0)) {
    throw new UserError(`Cannot generate ${count} images of shapes: the count must be an integer >= 1`);
  }
  const images = new Float32Array(count * IMAGE);
  const labels = Uint32Array.from({ length: count }, (_, i) => i % SHAPE_CLASSES.length);
  const stream = streamOf(`shapes/${split}`);
  const shapes = Object.values(SHAPES);
  for (let i = 0; i < count; i++) {
    paint(shapes[i % shapes.length]!, key(seed, i, stream), images.subarray(i * IMAGE, (i + 1) * IMAGE));
  }
  return { images, labels, count, shape: [SIDE, SIDE, 3] };
}

/** Paints one image `[32, 32, 3]` with what is drawn under `imageKey`. */
function paint(shape: Field, imageKey: number, image: Float32Array): void {
  let drawn = SIDE * SIDE; // the indices below belong to the noise of the pixels
  const uniform = (low: number, high: number) => low + (high - low) * draw(imageKey, drawn++) / 2 ** 32;

  const radius = uniform(8, 13);
  const centerX = SIDE / 2 + uniform(-1, 1) * (SIDE / 2 - radius);
  const centerY = SIDE / 2 + uniform(-1, 1) * (SIDE / 2 - radius);
  const t = uniform(-0.1, 0.1); // tan of half the angle: up to 11 degrees either way
  const cos = (1 - t * t) / (1 + t * t);
  const sin = 2 * t / (1 + t * t);

  const hue = uniform(0, 6);
  const dark = color(hue, uniform(0.5, 1), uniform(0.1, 0.34));
  const light = color(hue + uniform(1.5, 4.5), uniform(0.4, 1), uniform(0.6, 0.85));
  const [front, back] = uniform(0, 1) < 0.5 ? [dark, light] : [light, dark];
  const frontTexture = texture(uniform);
  const backTexture = texture(uniform);

  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      const dx = x + 0.5 - centerX;
      const dy = y + 0.5 - centerY;
      const distance = shape((cos * dx + sin * dy) / radius, (cos * dy - sin * dx) / radius) * radius;
      const cover = Math.min(Math.max(0.5 - distance, 0), 1); // edges are one pixel soft
      const shade = (cover > 0 ? cover * frontTexture(x, y) : 0) + (cover < 1 ? (1 - cover) * backTexture(x, y) : 0);
      const noise = draw(imageKey, y * SIDE + x); // one byte of it per channel
      for (let channel = 0; channel < 3; channel++) {
        const value = cover * front[channel]! + (1 - cover) * back[channel]! + shade;
        const grain = ((noise >>> (8 * channel)) & 255) / 255 - 0.5;
        image[(y * SIDE + x) * 3 + channel] = Math.round(255 * Math.min(Math.max(value + 0.07 * grain, 0), 1));
      }
    }
  }
}

/** The colour of this hue (0..6 is once around), saturation and luma: mixed with black or white to hit the luma. */
function color(hue: number, saturation: number, luma: number): Rgb {
  const pure = [0, 2, 4].map((offset) => {
    const h = (hue + offset) % 6;
    return 0.5 + saturation * (Math.min(Math.max(Math.abs(h - 3) - 1, 0), 1) - 0.5);
  });
  const [red = 0, green = 0, blue = 0] = pure;
  const pureLuma = 0.299 * red + 0.587 * green + 0.114 * blue;
  const mix = (value: number) =>
    luma < pureLuma ? value * luma / pureLuma : 1 - (1 - value) * (1 - luma) / (1 - pureLuma);
  return [mix(red), mix(green), mix(blue)];
}

/** A gradient, stripes or soft blotches, of low contrast so that the edges of the shape stay the strongest ones. */
function texture(uniform: (low: number, high: number) => number): Field {
  const kind = Math.floor(uniform(0, 3));
  const contrast = uniform(0.05, 0.1);
  const t = uniform(-1, 1); // tan of half the angle: every direction between -90 and 90 degrees
  const across = (x: number, y: number) => ((1 - t * t) * (x - SIDE / 2) + 2 * t * (y - SIDE / 2)) / (1 + t * t);
  if (kind === 0) return (x, y) => 1.3 * contrast * across(x, y) / (SIDE / 2);
  if (kind === 1) {
    const period = uniform(3, 7);
    return (x, y) => contrast * (4 * band(across(x, y), period) / period - 1);
  }
  const cell = 5; // blotches: random values on a grid of 8x8, interpolated
  const grid = Float64Array.from({ length: 64 }, () => uniform(-1.6, 1.6) * contrast);
  return (x, y) => {
    const [i, j] = [Math.floor(x / cell), Math.floor(y / cell)];
    const [a, b] = [x / cell - i, y / cell - j];
    const row = (k: number) => grid[k * 8 + i]! * (1 - a) + grid[k * 8 + i + 1]! * a;
    return row(j) * (1 - b) + row(j + 1) * b;
  };
}

/** The same images for every run: seed and sizes are part of what it is. */
const SEED = 1, COUNTS = { train: 6000, test: 1000 };

export const shapes: DatasetKind<"shapes", object> = {
  key: "shapes",
  about: "ten classes, generated",
  schema: z.strictObject({}),
  files: null,
  classes: () => SHAPE_CLASSES,
  shape: () => [SIDE, SIDE, 3],
  count: (split) => COUNTS[split],
  read: ({ split, limit }) => Promise.resolve(generateShapes(SEED, split, Math.min(COUNTS[split], limit))),
};
