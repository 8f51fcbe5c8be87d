/** Trains in a worker, so that the page answers meanwhile; its run lies in the browser's storage, as those of Node in a folder. */
import "./no_eval.ts";
import { parseConfig } from "../configs/load.ts";
import type { Config } from "../configs/schema.ts";
import { type Context, openDevice } from "../core/device/device.ts";
import { defaultTuner } from "../core/graph/tuner.ts";
import { list, readFile, removeFile } from "../core/host/files.ts";
import { keptDifference } from "../training/kept_config.ts";
import { savedState, trainRun } from "../training/run.ts";
import { getBytes } from "./api.ts";
import { messageOf } from "./element.ts";
import { type Order, type Told, TRAINING } from "./train_protocol.ts";

/** So much is lost at most with a device, or a tab that is closed. */
const CHECKPOINT_MINUTES = 0.05;

let context: Context | null = null, training = false, stopping = false;

const tell = (told: Told) => postMessage(told);

async function configOfSite(): Promise<Config> {
  const config = parseConfig(new TextDecoder().decode(await getBytes("train.yaml")), "train.yaml");
  return { ...config, training: { ...config.training, checkpointMinutes: CHECKPOINT_MINUTES } };
}

/** Goes on with what is kept, if it is of this config, or starts again; returns how it ended. */
async function train(order: "go on" | "start again"): Promise<Told> {
  const config = await configOfSite(),
    run = { config, out: TRAINING, screen: { line: (line: string) => tell({ line }) } };
  const again = order === "start again" || await keptDifference(TRAINING, config) !== null;
  if (again) { for (const name of await list(TRAINING)) await removeFile(`${TRAINING}/${name}`); }
  const resumed = await savedState(run), rows = [...resumed?.rows ?? []];
  const { epoch = 0 } = resumed?.checkpoint.progress ?? {}, { epochs = epoch } = config.training;
  rows.splice(epoch);
  tell({ rows, epochs });
  if (resumed !== null) tell({ line: `Going on from step ${resumed.checkpoint.progress?.step ?? 0}` });
  const ended = await trainRun({
    ...run,
    seed: 0,
    source: { config: config.dataset, directory: null },
    lock: { check: () => Promise.resolve(), release: () => Promise.resolve() }, // navigator.locks holds it
    resumed,
    microBatch: null,
    allowRetune: true, // the browser may have been updated in between
    async open() {
      return context = await openDevice();
    },
    tuner: ({ limits }) => Promise.resolve(defaultTuner(limits)),
    screen: {
      ...run.screen,
      report: (doing, done) => tell({ line: `${doing}, ${Math.round(100 * done)} %` }),
      status: (status) => tell({ status }),
      epoch: (row) => {
        rows.splice(row.epoch - 1, Infinity, row); // an epoch of before a lost device comes once more
        tell({ rows, epochs });
      },
    },
    draws: false,
    onStart: () => {},
    interrupted: () => stopping,
  });
  return ended ? { trained: await readFile(`${TRAINING}/checkpoint.safetensors`) } : { stopped: true };
}

async function alone(order: "go on" | "start again"): Promise<Told> {
  if (!("locks" in navigator)) return await train(order); // as WebGPU, which is then missed by name, they need https
  return await navigator.locks.request(TRAINING, { ifAvailable: true }, async (lock) => {
    if (lock === null) throw new Error("Another tab trains here: end it there first");
    return await train(order);
  });
}

addEventListener("message", ({ data: order }: MessageEvent<Order>) => {
  if (order === "stop") stopping = true;
  else if (order === "lose") context?.device.destroy();
  else if (!training) {
    [training, stopping] = [true, false];
    void alone(order).catch((error) => ({ error: messageOf(error) })).then((told) => {
      training = false; // before the page can send the next order
      tell(told);
    });
  }
});
