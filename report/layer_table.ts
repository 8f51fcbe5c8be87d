/** The layers of a network, for people to read: a tree with shapes, work and receptive fields. */
import { alignColumns } from "./op_table.ts";
import { count } from "./setting_cells.ts";
import { type PerAxis, spelled } from "../kernels/per_axis.ts";

/** What the table tells of a layer (explain/network_info.ts). */
export interface LayerRow {
  readonly name: string;
  readonly what: string;
  readonly output: readonly number[];
  readonly parameters: number;
  readonly multiplications: number;
  readonly field: { readonly height: number; readonly width: number; readonly stride: PerAxis };
  readonly layers: readonly LayerRow[];
}

const countOrDash = (value: number) => value === 0 ? "-" : count(value);

const HEAD = ["layer", "what it does", "output", "parameters", "multiplications", "sees", "apart"];

/** A line for each layer, those that a layer holds below it and indented; then the sum. */
export function layerTable(input: readonly number[], layers: readonly LayerRow[]): string {
  const rows = (each: readonly LayerRow[], depth: number): string[][] =>
    each.flatMap(({ name, what, output, parameters, multiplications, field, layers }) => [
      [
        `${"  ".repeat(depth)}${name.slice(name.lastIndexOf("/") + 1)}`,
        what,
        output.join("x"),
        countOrDash(parameters),
        countOrDash(multiplications),
        `${field.height}x${field.width}`,
        spelled(field.stride),
      ],
      ...rows(layers, depth + 1),
    ]);
  const total = (key: "parameters" | "multiplications") =>
    countOrDash(layers.reduce((sum, layer) => sum + layer[key], 0));
  return alignColumns([
    HEAD,
    ["input", "an image", input.join("x")],
    ...rows(layers, 0),
    ["sum", "", "", total("parameters"), total("multiplications")],
  ], [0, 1]);
}
