/** The label of an example that does not count. */
export const NO_LABEL = 0xffffffff;
