import * as z from "zod";

/** Whether weight decay takes hold of biases and scales too: the option of every optimizer that decays. */
export const DECAY_BIASES: z.ZodType<boolean | undefined, boolean | undefined> = z.boolean().optional().describe(
  "Does weight decay take hold of biases and scales too, and not of weights alone? Default true",
);

/** The constants for biases and scales where those are not decayed; null: the same as for weights. */
export function withoutDecay<Constants extends { readonly weightDecay: number }>(
  constants: Constants,
  decayBiases = true,
): Constants | null {
  return decayBiases ? null : { ...constants, weightDecay: 0 };
}
