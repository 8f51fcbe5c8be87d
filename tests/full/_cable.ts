/** A network of its own for some processes, joined to this one by a cable that can be cut: Linux, as root. */
import { execFileSync } from "node:child_process";
import process from "node:process";

export interface Cable {
  /** This machine's address at the near end. */
  readonly address: string;
  /** What a command is started with to run at the far end. */
  readonly far: readonly string[];
  cut(): void;
  mend(): void;
  remove(): void;
}

const ip = (...args: readonly string[]) => void execFileSync("ip", args, { stdio: ["ignore", "ignore", "pipe"] });

/** Lays a cable; null, with the reason, where that cannot be done. */
export function layCable(): Cable | { readonly reason: string } {
  const name = `allcnn${process.pid}`, near = `a${process.pid}`, far = `b${process.pid}`, net = "10.213.77";
  if (process.getuid?.() !== 0) return { reason: "network namespaces need root" };
  try {
    ip("netns", "add", name);
    ip("link", "add", near, "type", "veth", "peer", "name", far, "netns", name);
    ip("addr", "add", `${net}.1/30`, "dev", near);
    ip("link", "set", near, "up");
    ip("-n", name, "addr", "add", `${net}.2/30`, "dev", far);
    for (const each of [far, "lo"]) ip("-n", name, "link", "set", each, "up");
  } catch (error) {
    try {
      ip("netns", "del", name);
    } catch { /* there is none */ }
    return { reason: (error as Error).message.split("\n")[0]! };
  }
  return {
    address: `${net}.1`,
    far: ["ip", "netns", "exec", name],
    cut: () => ip("link", "set", near, "down"),
    mend: () => ip("link", "set", near, "up"),
    remove: () => ip("netns", "del", name),
  };
}
