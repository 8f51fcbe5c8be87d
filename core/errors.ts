/**
 * An error that the user can act on: bad input, a missing file, a device that cannot do the work. Its message is one
 * line that names what, where and what to do; the scripts print it without a stack trace.
 */
export class UserError extends Error {
  override readonly name = "UserError";
}
