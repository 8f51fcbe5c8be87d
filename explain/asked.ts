/** What every way to explain is asked. */
import type { UnitOptions } from "./explain.ts";

/** Whose response is asked for. */
export interface Asked extends UnitOptions {
  /** The layer that the unit is in, by name: "conv6". */
  readonly layer: string;
  /** Does max pooling send signals to where the maximum was (the default), or spread them evenly over the window? */
  readonly switches?: boolean;
}
