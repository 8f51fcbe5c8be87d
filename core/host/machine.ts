/** This machine and its processes, as what locks between processes needs to know them. Not in browsers. */
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";

/** The name of this machine. */
export function hostName(): string {
  return hostname();
}

/**
 * When a process of this machine was started, in the kernel's units: tells it from a later one with the same number.
 * Null where the process is gone or the system does not tell; only Linux does.
 */
export async function processStart(pid: number): Promise<string | null> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" "); // the name before it may hold anything
  return fields[0] === "Z" ? null : fields[19] ?? null;
}
