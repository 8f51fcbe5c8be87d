/**
 * An error that the user can act on: bad input, a missing file, a device that cannot do the work. Its message is one
 * line that names what, where and what to do; the scripts print it without a stack trace.
 */
export class UserError extends Error {
  override readonly name = "UserError";
}

const REASONS: Record<string, string> = {
  ENOENT: "it does not exist",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EISDIR: "it is a folder",
  ENOTDIR: "a part of the path is not a folder",
  ENOSPC: "no space left on the disk, free some and try again",
  EROFS: "the file system is read-only",
  EDQUOT: "the disk quota is used up",
};

/** What a user is told of a failed file operation; `action` as in "Cannot <action> <path>". */
export function fileError(action: string, path: string, error: unknown): UserError {
  const code = (error as { code?: string }).code ?? "";
  return new UserError(`Cannot ${action} "${path}": ${REASONS[code] ?? (error as Error).message}`);
}
