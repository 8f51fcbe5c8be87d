/** Loads the decoder of pictures. A file of its own, since its types need those of Node, which users may not have. */
import { UserError } from "../core/host/errors.ts";

/**
 * The decoder: a native addon, so it is loaded only where pictures are read, and the rest works without it. Throws
 * `UserError` where it is not installed or does not run here.
 */
export async function loadSharp() {
  try {
    const sharp = (await import("sharp")).default;
    if (typeof sharp === "function") return sharp;
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    const why = code === "ERR_MODULE_NOT_FOUND" ? "is not installed" : `does not load here (${complaintOf(message)})`;
    throw new UserError(`Cannot decode images: the npm package sharp ${why}, npm install --include=optional brings it`);
  }
  throw new UserError("Cannot decode images in a browser: draw the picture on a canvas, whose getImageData has pixels");
}

/** What a library says went wrong, without its stop. */
export function complaintOf(message: string): string {
  return message.trim().split("\n")[0]!.replace(/[.:\s]+$/, "");
}
