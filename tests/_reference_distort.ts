/** Naive float64 distortion on a canvas: every transform applied to points, one after the other, as it is defined. */
import type { Distortion } from "../kernels/data/draw_distortions.ts";
import { draw, key, unit } from "../core/graph/random.ts";
import type { Numbers } from "./_reference.ts";

export interface Drawn {
  readonly stretch: readonly [x: number, y: number];
  readonly mirror: boolean;
  readonly kind: "shear x" | "shear y" | "rotation";
  readonly amount: number;
  readonly shift: readonly [x: number, y: number];
  /** Per channel. */
  readonly color: readonly { offset: number; contrast: number; gradientX: number; gradientY: number }[];
}

export interface At {
  readonly seed: number;
  readonly step: number;
  readonly stream: number;
}

/** What the example in `row` of the data set draws. */
export function drawnFor(row: number, channels: number, d: Distortion, { seed, step, stream }: At): Drawn {
  const k = key(seed, step, stream), first = row * (8 + 8 * channels);
  const symmetric = (index: number, range: number) => range * (2 * unit(k, first + index) - 1);
  const normal = (index: number) => {
    const at = first + 8 + 2 * index;
    return Math.sqrt(-2 * Math.log(1 - unit(k, at))) * Math.cos(2 * Math.PI * unit(k, at + 1));
  };
  const whole = (index: number) => draw(k, first + index) % (2 * d.shift + 1) - d.shift;
  return {
    stretch: [1 + symmetric(0, d.stretch), 1 + symmetric(1, d.stretch)],
    mirror: d.flip && draw(k, first + 2) % 2 === 1,
    kind: (["shear x", "shear y", "rotation"] as const)[draw(k, first + 3) % 3]!,
    amount: symmetric(4, d.shearOrRotation),
    shift: [whole(5), whole(6)],
    color: Array.from({ length: channels }, (_, c) => ({
      offset: d.color.offset * normal(4 * c),
      contrast: d.color.contrast * normal(4 * c + 1),
      gradientX: d.color.gradientX * normal(4 * c + 2),
      gradientY: d.color.gradientY * normal(4 * c + 3),
    })),
  };
}

type Point = readonly [x: number, y: number];

/** Where a point of the image, relative to its centre, lands on the canvas, relative to the canvas's. */
export function forward([x, y]: Point, { stretch, mirror, kind, amount, shift }: Drawn): Point {
  [x, y] = [x * stretch[0], y * stretch[1]];
  if (mirror) x = -x;
  if (kind === "shear x") x += amount * y;
  else if (kind === "shear y") y += amount * x;
  else [x, y] = [x * Math.cos(amount) + y * Math.sin(amount), y * Math.cos(amount) - x * Math.sin(amount)];
  return [x + shift[0], y + shift[1]];
}

/** `forward` undone, step by step backward. */
function backward([x, y]: Point, { stretch, mirror, kind, amount, shift }: Drawn): Point {
  [x, y] = [x - shift[0], y - shift[1]];
  if (kind === "shear x") x -= amount * y;
  else if (kind === "shear y") y -= amount * x;
  else [x, y] = [x * Math.cos(amount) - y * Math.sin(amount), y * Math.cos(amount) + x * Math.sin(amount)];
  if (mirror) x = -x;
  return [x / stretch[0], y / stretch[1]];
}

/** One image [height, width, channels] on a canvas [size, size, channels]. */
export function place(
  image: Numbers,
  { height, width, channels, size, background }: {
    readonly height: number;
    readonly width: number;
    readonly channels: number;
    readonly size: number;
    readonly background: number;
  },
  drawn: Drawn,
): Numbers {
  const canvas = new Float64Array(size * size * channels);
  const middle = (length: number) => Math.floor((size - length) / 2) + (length - 1) / 2;
  for (let Y = 0; Y < size; Y++) {
    for (let X = 0; X < size; X++) {
      const at: Point = [X - middle(width), Y - middle(height)], [bx, by] = backward(at, drawn);
      const px = bx + (width - 1) / 2, py = by + (height - 1) / 2;
      for (let c = 0; c < channels; c++) {
        const { offset, contrast, gradientX, gradientY } = drawn.color[c]!;
        const gradient = gradientX * (at[0] - drawn.shift[0]) + gradientY * (at[1] - drawn.shift[1]);
        let value = 0;
        for (const x of [Math.floor(px), Math.floor(px) + 1]) {
          for (const y of [Math.floor(py), Math.floor(py) + 1]) {
            const inside = x >= 0 && x < width && y >= 0 && y < height;
            const pixel = inside ? image[(y * width + x) * channels + c]! : background;
            const colored = pixel + offset + contrast * (pixel - background) + gradient;
            value += (1 - Math.abs(px - x)) * (1 - Math.abs(py - y)) * (inside ? colored : background);
          }
        }
        canvas[(Y * size + X) * channels + c] = value;
      }
    }
  }
  return canvas;
}
