/** The connection to Redis, and the queue of cells in it. BullMQ is loaded here, by those who ask for it alone. */
import type { JobProgress } from "bullmq";
import type { Redis } from "ioredis";
import { type Config, configSchema } from "../configs/schema.ts";
import { UserError } from "../core/host/errors.ts";
import type { Cell } from "./record.ts";

/** One queue for all sweeps of a Redis: any worker takes any cell. */
export const QUEUE = "allcnn-sweep";

/** What a worker gets. */
export interface CellJob {
  /** `SweepRecord.id`, and the folder of the sweep as all machines see it. */
  readonly sweep: string;
  readonly out: string;
  readonly cell: Cell;
  readonly config: Config;
}

/** The config of a job, which another version may have made. Throws `UserError` where this one cannot read it. */
export function configOfJob({ cell, config }: CellJob): Config {
  const result = configSchema.safeParse(config);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  throw new UserError(
    `Cannot train ${cell.id}: its config is of another version of allcnn: ${path.join(".")}: ${message}`,
  );
}

/** What a worker tells while it trains. */
export interface CellProgress {
  readonly worker: string;
  readonly epoch: number;
  readonly epochs: number;
  readonly loss: number;
  readonly error: number;
  readonly secondsLeft: number;
}

/** What a job says of its progress, or null before its worker has told. */
export function progressOf(progress: JobProgress): CellProgress | null {
  return typeof progress === "object" && "epoch" in progress ? progress as CellProgress : null;
}

const CONNECT_SECONDS = 5;

/** The address without user and password. */
export function addressOf(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname === "/" ? "" : pathname}`;
}

/** Loads BullMQ and its driver. Throws `UserError` where they are not installed. */
export async function loadBullMQ() {
  try {
    return { ...await import("bullmq"), ...await import("ioredis") };
  } catch (error) {
    throw new UserError(
      `Cannot use --jobs: the npm packages bullmq and ioredis cannot be loaded (${
        (error as Error).message
      }); run npm ` +
        "install without --omit=optional",
    );
  }
}

/** Connects, and connects again when the connection is lost. Throws `UserError` where there is no Redis to begin with. */
export async function connect(url: string, onTrouble: (message: string) => void): Promise<Redis> {
  if (!URL.canParse(url) || !/^rediss?:$/.test(new URL(url).protocol)) {
    throw new UserError(`--jobs expects an address as redis://HOST:6379, got "${url}"`);
  }
  const { Redis } = await loadBullMQ(), address = addressOf(url);
  let connected = false, trouble = "";
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: 1000 * CONNECT_SECONDS,
    maxRetriesPerRequest: null, // BullMQ wants that
    retryStrategy: () => connected ? 1000 : null,
  });
  client.on("error", ({ message }: Error) => {
    trouble = message;
    if (connected) onTrouble(`Redis at ${address} does not answer (${message}); trying again`);
  });
  try {
    await client.connect();
    await client.ping();
  } catch (error) {
    client.disconnect();
    throw new UserError(
      `Cannot reach Redis at ${address}: ${
        trouble || (error as Error).message
      }; start it, or leave --jobs out to train ` +
        "on this machine",
    );
  }
  connected = true;
  return client;
}
