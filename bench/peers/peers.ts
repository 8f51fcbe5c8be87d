/** Who takes part: the bundles beside this one, and what the machine's Python offers. */
import { fileURLToPath } from "node:url";
import { exists } from "../../core/host/files.ts";
import type { Peer } from "./compare.ts";
import { startPeer } from "./process.ts";

const NOT_INSTALLED = "it is not installed, `npm ci --prefix bench/peers` adds it";

/** The names that `--only` may pick; each also picks the variants that begin with it. */
export const PEER_NAMES = ["allcnn", "tfjs", "jax", "torch"] as const;

/** A file beside the driver's bundle. */
export const beside = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** A peer in JavaScript; what follows its bundle's name goes to it as arguments. */
async function script(name: string): Promise<Peer> {
  const [bundle, ...args] = name.split(" "), file = beside(`${bundle}.mjs`);
  return await exists(file)
    ? { name, launch: { file: process.execPath, args: [file, ...args] } }
    : { name, unavailable: NOT_INSTALLED };
}

/** One peer for each variant that torch.py lists. Its start takes as long as importing PyTorch. */
async function torch(python: string, timeout: number): Promise<Peer[]> {
  const file = beside("torch.py");
  const lister = startPeer({ file: python, args: [file, "list"] });
  try {
    const variants = await lister.ask(null, timeout) as string[];
    return variants.map((variant) => ({
      name: `torch ${variant}`,
      launch: { file: python, args: [file, ...variant.split(" ")] },
    }));
  } catch (error) {
    return [{ name: "torch", unavailable: (error as Error).message }];
  } finally {
    await lister.stop();
  }
}

/** Ours, in float32 and in mixed precision, there on matrix units too, and the others on WebGPU. */
const SCRIPTS = ["allcnn", "allcnn f16", "allcnn f16 matrix", "tfjs", "jax"];

/** The peers whose names begin with one of `only`, all if it is empty; ours first. */
export async function findPeers(
  { only, python, timeout }: { only: readonly string[]; python: string; timeout: number },
): Promise<Peer[]> {
  const wanted = (name: string) => only.length === 0 || only.some((prefix) => name.startsWith(prefix));
  const scripts = await Promise.all(SCRIPTS.filter(wanted).map(script));
  const asked = only.length === 0 || only.some((prefix) => prefix.startsWith("torch"));
  const variants = asked ? await torch(python, timeout) : [];
  return [...scripts, ...variants.filter(({ name }) => name === "torch" || wanted(name))];
}
