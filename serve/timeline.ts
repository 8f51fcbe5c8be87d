/** How a picture looked to the network in the course of its training: one look for each checkpoint that the run keeps. */
import { UserError } from "../core/host/errors.ts";
import { readFile } from "../core/host/files.ts";
import { decode, select } from "../training/checkpoint.ts";
import { closeModel, placeModel } from "../training/model.ts";
import type { Report } from "../training/preprocess.ts";
import { keptEpochs, keptPath } from "../training/run_folder.ts";
import { library } from "./library.ts";
import type { LiveModel, Origin } from "./live_model.ts";
import { look, type Selection } from "./look.ts";
import { type Timeline, toBase64 } from "./protocol.ts";

/** `pixels` are those of one image. Throws `UserError` where nothing is kept, or a file is damaged. */
export async function timeline(
  { context, tuner, config, path: folder }: Origin,
  live: LiveModel,
  pixels: Uint8Array,
  selection: Selection,
  report: Report,
  signal: AbortSignal,
): Promise<Timeline> {
  const epochs = await keptEpochs(folder).catch(() => []), seen: Timeline[number][] = [];
  if (epochs.length === 0) throw new UserError(`"${folder}" keeps no checkpoints of its training`);
  return await live.use(async ({ model: { whitening } }) => {
    for (const [at, epoch] of epochs.entries()) {
      signal.throwIfAborted();
      report(`Looking through the network of epoch ${epoch}`, at / epochs.length);
      const path = keptPath(folder, epoch), checkpoint = await decode(await readFile(path), path);
      const model = await placeModel(context, config, (specs) => select(checkpoint, specs, path), { tuner, whitening });
      try {
        const { probabilities, seen: [first] } = await look(library, model, pixels, selection);
        const { activation, reconstruction } = first!;
        const encoded = { probabilities: toBase64(probabilities), reconstruction: toBase64(reconstruction) };
        seen.push({ epoch, activation, ...encoded });
      } finally {
        closeModel(model);
      }
    }
    return seen;
  });
}
