/** The families of convolutions; equal estimates keep this order. */
import { broadcast } from "./broadcast/broadcast.ts";
import { direct } from "./direct.ts";
import { type Family, listed } from "./family.ts";
import { matrix } from "./matrix/matrix.ts";
import { rowwise } from "./rowwise.ts";
import { tiled } from "./tiled/tiled.ts";

export const FAMILIES: readonly Family[] = listed([broadcast, tiled, matrix, direct, rowwise]);
