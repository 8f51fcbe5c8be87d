/** The family's tuning: what a workgroup and a thread of it hold. */
export interface TiledTuning {
  readonly family: "tiled";
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly threadRows: number;
  readonly threadVectors: number;
}

/** Threads of a workgroup along columns and rows. */
export function tiledThreads({ rows, columns, threadRows, threadVectors }: TiledTuning): [x: number, y: number] {
  return [columns / 4 / threadVectors, rows / threadRows];
}

/** An array of workgroup memory. */
export const shared = (name: string, size: number): string => `var<workgroup> ${name}: array<vec4f, ${size}>;`;
