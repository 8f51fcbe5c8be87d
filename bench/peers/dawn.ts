/**
 * Gives libraries made for browsers a `navigator.gpu`, from Dawn with the same back end and toggles as ours. They look
 * for it while they are imported, so this file acts when it is imported, before them.
 */
import { entryPoint } from "../../core/host/webgpu.ts";

const { gpu, backend } = await entryPoint(false);
// Both libraries read the user agent, to tell phones and Firefox apart.
Object.defineProperty(globalThis, "navigator", { value: { gpu, userAgent: "Node" }, configurable: true });

/** The adapter that libraries get when they ask for a fast one, as one line. Throws where there is none. */
export async function adapterName(): Promise<string> {
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (adapter === null) throw new Error("Dawn finds no adapter");
  const { description, device, vendor, architecture } = adapter.info;
  return `${description || device || `${vendor} ${architecture}`}, ${backend}`;
}
