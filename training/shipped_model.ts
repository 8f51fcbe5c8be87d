/** The trained networks that come with allcnn, by name: the only place that knows which names there are. */
import { UserError } from "../core/host/errors.ts";
import { exists } from "../core/host/files.ts";
import { readShipped } from "../core/host/shipped.ts";

const NAMES: readonly string[] = ["demo"];

/** Does it name a network that comes along? A file or folder of that path comes first. */
export async function isShippedModel(path: string): Promise<boolean> {
  return NAMES.includes(path) && !await exists(path);
}

/** The bytes of its file. Throws `UserError` where allcnn was built without it. */
export async function readShippedModel(name: string): Promise<Uint8Array<ArrayBuffer>> {
  const file = `models/${name}.safetensors`, bytes = await readShipped(file);
  if (bytes !== null) return bytes;
  throw new UserError(
    `Cannot open "${name}": this allcnn was built without its network, ${file}; name the folder of a run, or a checkpoint`,
  );
}
