/** Numbers along the two axes of an image: one for both where they agree, so that a square is what it always was. */

/** A number for both axes, or one for each: along the height, along the width. */
export type PerAxis = number | readonly [y: number, x: number];

/** Along the height, along the width. */
export const axesOf = (value: PerAxis): readonly [y: number, x: number] =>
  typeof value === "number" ? [value, value] : value;

/** The inverse of `axesOf`. */
export const perAxis = (y: number, x: number): PerAxis => y === x ? y : [y, x];

/** "3x3", "3x5" */
export const sized = (value: PerAxis): string => axesOf(value).join("x");

/** "2", "2x1" */
export const spelled = (value: PerAxis): string => typeof value === "number" ? String(value) : sized(value);

/** Rows and columns around an image. */
export interface Padding {
  /** Rows before the first one. */
  readonly top: number;
  /** Columns before the first one. */
  readonly left: number;
  /** Rows behind the last one. */
  readonly bottom: number;
  /** Columns behind the last one. */
  readonly right: number;
}

export const NO_PADDING: Padding = { top: 0, left: 0, bottom: 0, right: 0 };

/** Does it add nothing? */
export const isNone = ({ top, left, bottom, right }: Padding): boolean => top + left + bottom + right === 0;
