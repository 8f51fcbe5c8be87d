/** The label of an example that does not count. */
export const NO_LABEL = 0xffffffff;
/** The first target of such an example: the largest float32. */
export const NO_TARGET = 3.4028234663852886e38;
