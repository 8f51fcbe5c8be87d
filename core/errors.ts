/**
 * An error that the user can act on: bad input, a missing file, a device that cannot do the work. Its message is one
 * line that names what, where and what to do; the commands print it without a stack trace.
 *
 * @example
 * ```ts
 * try {
 *   conv({ name: "conv1", channels: 0, kernel: 3 });
 * } catch (error) {
 *   if (!(error instanceof UserError)) throw error; // a bug, not a wrong input
 *   console.log(error.message); // Cannot build conv "conv1": channels: too small: expected number to be >=1, got 0
 * }
 * ```
 */
export class UserError extends Error {
  override readonly name = "UserError";
}
