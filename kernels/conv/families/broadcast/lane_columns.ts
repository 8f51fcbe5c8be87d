/**
 * What both kinds of product share in a subgroup whose lane s owns the columns 4s ... 4s+3: their tunings, and WGSL that
 * loads and stores these columns.
 */
import type { Subgroups } from "../../../subgroups.ts";
import { unroll } from "../../../wgsl.ts";

export interface BroadcastTuning extends Subgroups {
  readonly family: "broadcast";
  readonly rows: number;
  readonly stores: number;
}

export interface BroadcastWeightTuning extends Omit<BroadcastTuning, "rows"> {
  readonly parts: number;
}

/** A lane's four columns of a row of an array [.., channels]: one vec4, or four clamped scalars. */
export function loadColumns(load: (index: string) => string, row: string, channels: number): string {
  if (channels % 4 === 0) return load(`${row} * ${channels / 4}u + column`);
  const scalar = (c: number) => load(`${row} * ${channels}u + min(4u * column + ${c}u, ${channels - 1}u)`);
  return `vec4f(${unroll(4, scalar, ", ")})`;
}

/** Statements that store them: `store` is given an index, and which of the four, if not all. */
export function storeColumns(row: string, channels: number, store: (to: string, part: string) => string): string {
  if (channels % 4 === 0) return store(`${row} * ${channels / 4}u + column`, "");
  return unroll(
    4,
    (c) =>
      `if (4u * column + ${c}u < ${channels}u) { ${store(`${row} * ${channels}u + 4u * column + ${c}u`, `[${c}]`)} }`,
  );
}

/**
 * Stores `count` sums from `stores` sites in turn: at each, `v` is a sum and `name` its number, from `first` on.
 * Which sum is chosen by selects: an array indexed at run time would live in memory.
 */
export function storeSums(
  { count, stores }: { readonly count: number; readonly stores: number },
  name: string,
  first: string,
  store: string,
): string {
  const perSite = count / stores;
  const chosen = (site: number) =>
    `    v = sum${site};
${unroll(perSite - 1, (r) => `    v = select(v, sum${(r + 1) * stores + site}, r == ${r + 1}u);`)}
    ${name} = ${first} + r * ${stores}u + ${site}u;`;
  return `  var v: vec4f;
  var ${name}: u32;
  for (var r = 0u; r < ${perSite}u; r++) {
${
    unroll(stores, (site) =>
      `${chosen(site)}
${store}`)
  }
  }`;
}
