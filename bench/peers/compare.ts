/** Starts peers one after the other, then lets them run in turns; whatever fails is an outcome, never an abort. */
import { join } from "node:path";
import { makeDirectory } from "../../core/host/files.ts";
import { coldCaches, type Launch, type PeerProcess, startPeer } from "./process.ts";
import type { Started, Stepped, Work } from "./protocol.ts";

/** A peer that can be tried, or the reason why it cannot. */
export type Peer = { readonly name: string } & ({ readonly launch: Launch } | { readonly unavailable: string });

export interface Outcome {
  readonly name: string;
  /** Null where it did not get that far. */
  readonly started: Started | null;
  /** Of each round, in order. */
  readonly imagesPerSecond: readonly number[];
  /** Why it has no figures, or null. */
  readonly failure: string | null;
}

export interface CompareOptions {
  readonly rounds: number;
  /** Untimed steps before the timed ones of each turn. */
  readonly warmup: number;
  /** Timed steps of each turn. */
  readonly steps: number;
  /** Seconds that one answer may take. */
  readonly timeout: number;
  /** Where each peer gets an empty folder for what its drivers and compilers cache. */
  readonly folder: string;
  readonly progress: (line: string) => void;
  /** Asked between two turns: end here, with what was measured? */
  readonly stopped: () => boolean;
}

interface Running {
  readonly name: string;
  readonly process: PeerProcess | null;
  outcome: Outcome;
}

async function start(peer: Peer, work: Work, { timeout, progress, folder }: CompareOptions): Promise<Running> {
  const { name } = peer;
  const failed = (failure: string): Running => {
    progress(`${name}: cannot run, ${failure}`);
    return { name, process: null, outcome: { name, started: null, imagesPerSecond: [], failure } };
  };
  if ("unavailable" in peer) return failed(peer.unavailable);
  progress(`${name}: starts`);
  const caches = join(folder, "caches", name.replaceAll(" ", "-"));
  await makeDirectory(caches);
  const process = startPeer({ ...peer.launch, env: { ...peer.launch.env, ...coldCaches(caches) } });
  try {
    const started = await process.ask({ cmd: "start", ...work }, timeout) as Started;
    progress(`${name}: loss ${started.loss}, first step ${started.firstStepSeconds.toFixed(1)} s, ${started.device}`);
    return { name, process, outcome: { name, started, imagesPerSecond: [], failure: null } };
  } catch (error) {
    await process.stop();
    return failed((error as Error).message);
  }
}

async function turn({ process, outcome }: Running, batch: number, options: CompareOptions): Promise<Outcome> {
  const { warmup, steps, timeout } = options;
  try {
    const { seconds, loss } = await process!.ask({ cmd: "steps", warmup, count: steps }, timeout) as Stepped;
    if (loss === null) return { ...outcome, failure: "its loss is not a number" };
    return { ...outcome, imagesPerSecond: [...outcome.imagesPerSecond, batch * steps / seconds] };
  } catch (error) {
    return { ...outcome, failure: (error as Error).message };
  }
}

/**
 * All peers do the same work; each round gives every peer that still runs one turn. Who comes first moves on from
 * round to round, so that no peer always follows the same one. A peer that fails is out. Where it is stopped, what was
 * measured until then is the result.
 */
export async function compare(peers: readonly Peer[], work: Work, options: CompareOptions): Promise<Outcome[]> {
  const all: Running[] = [];
  try {
    for (const peer of peers) if (!options.stopped()) all.push(await start(peer, work, options));
    for (let round = 0; round < options.rounds; round++) {
      const first = round % Math.max(all.length, 1);
      for (const each of [...all.slice(first), ...all.slice(0, first)]) {
        if (each.outcome.failure !== null || options.stopped()) continue;
        const outcome = await turn(each, work.config.training.batch, options);
        if (options.stopped()) continue; // a turn that was cut off says nothing
        each.outcome = outcome;
        const { failure, imagesPerSecond } = each.outcome;
        const result = failure ?? `${imagesPerSecond.at(-1)!.toPrecision(3)} images/s`;
        options.progress(`round ${round + 1} of ${options.rounds}, ${each.name}: ${result}`);
      }
    }
  } finally {
    await Promise.all(all.map(({ process }) => process?.stop()));
  }
  return all.map(({ outcome }) => outcome);
}
