/** What a sweep varies: `path=value,value,...` of `--grid`, several of which multiply; and the cells that this makes. */
import { parse } from "yaml";
import type { Config } from "../configs/schema.ts";
import { UserError } from "../core/host/errors.ts";
import type { Cell, Protocol, Values } from "./record.ts";

/** A path of a config, and the values that it takes. */
export interface Axis {
  readonly path: string;
  readonly values: readonly unknown[];
}

const RATE = "training.learningRate.base";

/** The learning rates that the paper tried with each network. */
export const PAPER_GRID = `${RATE}=0.25,0.1,0.05,0.01`;

/** The axis of `path=value,value`, each value read as YAML. Throws `UserError` on anything else. */
export function parseAxis(text: string): Axis {
  const split = text.indexOf("="), path = text.slice(0, Math.max(0, split));
  let values: unknown = null;
  try {
    values = parse(`[${text.slice(split + 1)}]`, { logLevel: "error" });
  } catch {
    // said below
  }
  if (split < 1 || !Array.isArray(values) || values.length === 0) {
    throw new UserError(`Cannot read --grid ${text}: expected path=value,value, as ${PAPER_GRID}`);
  }
  const labels = values.map((value) => labelOf(path, value));
  const twice = labels.find((label, index) => labels.indexOf(label) < index);
  if (twice !== undefined) throw new UserError(`Cannot use --grid ${text}: ${twice} is in it twice`);
  return { path, values };
}

/** All combinations of the values of `--grid` options. Throws `UserError` where one is wrong or two name a path. */
export function gridPoints(grids: readonly string[]): Values[] {
  const axes = grids.map(parseAxis);
  axes.forEach(({ path }, index) => {
    if (axes.findIndex((axis) => axis.path === path) < index) {
      throw new UserError(`Cannot use --grid ${grids[index]}: another --grid has the values of ${path}`);
    }
  });
  return axes.reduce<Values[]>(
    (points, { path, values }) => points.flatMap((point) => values.map((value) => ({ ...point, [path]: value }))),
    [{}],
  );
}

/** A grid point as `path=value` settings of a config. */
export function settingsOfPoint(values: Values): string[] {
  return Object.entries(values).map(([path, value]) => `${path}=${JSON.stringify(value)}`);
}

/** "0.05" of a learning rate, else "training.batch=64". */
function labelOf(path: string, value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return path === RATE ? text : `${path}=${text}`;
}

/** A grid point for people. */
export function pointLabel(values: Values): string {
  return Object.entries(values).map(([path, value]) => labelOf(path, value)).join(" ");
}

/** A grid point as part of a folder's name. */
function folderLabel(values: Values): string {
  return Object.entries(values).map(([path, value]) => labelOf(path, value).replace(/[^\w.+=-]+/g, "_")).join("_");
}

/** The cell of a config at a grid point. */
export function cellOf({ name }: Config, values: Values, seed: number, data: Cell["data"], epochs: number): Cell {
  const held = data === "heldOut" ? "-held-out" : "";
  const id = `${name}/${folderLabel(values)}-${seed}${held}`;
  return { id, folder: id, config: name, values, seed, data, epochs };
}

/** Which data the cells of a whole grid train on: the paper's choice needs all images, the sound one held-out ones. */
export function dataOfGrid(protocol: Protocol | "both"): readonly Cell["data"][] {
  return protocol === "both" ? ["heldOut", "all"] : protocol === "sound" ? ["heldOut"] : ["all"];
}
