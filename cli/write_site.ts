/** The page of `serve` as files, for any server of files: the visitor's browser computes all of it. */
import { UserError } from "../core/host/errors.ts";
import { makeDirectory, readFile, writeFile } from "../core/host/files.ts";
import { readShippedConfig } from "../configs/find.ts";
import { builtFolder } from "../serve/page_files.ts";
import type { LiveInfo } from "../serve/protocol.ts";
import { noQuestion, type Reply, type Routes } from "../serve/route.ts";
import { PAGE, refuseOther } from "./replaceable.ts";

/** Milliseconds between two looks while the checkpoint is loaded. */
const SOON = 50;

/** Writes what `routes` answer to GET into the folder `out`. Throws `UserError` where there is no checkpoint to show. */
export async function writeSite(routes: Routes, out: string): Promise<void> {
  await refuseOther(`${out}/index.html`, PAGE);
  const ask = async (path: string) => bytesOf(await routes.get(path)!.answer(noQuestion()));
  let live: LiveInfo;
  for (;;) {
    live = JSON.parse(new TextDecoder().decode(await ask("/api/live"))) as LiveInfo;
    if (live.loading === null) break;
    await new Promise((resolve) => setTimeout(resolve, SOON));
  }
  if (live.checkpoint === null) {
    throw new UserError(`Cannot write a site: ${live.problems[0] ?? "there is no checkpoint"}`);
  }
  await makeDirectory(`${out}/api`);
  for (const [path, { method }] of routes) {
    if (method !== "GET" || path === "/api/whitening" && !live.checkpoint.whitens) continue;
    await writeFile(`${out}/${path === "/" ? "index.html" : path.slice(1)}`, await ask(path));
  }
  await writeFile(`${out}/train_worker.js`, await readFile(`${builtFolder()}page/train_worker.js`));
  await writeFile(`${out}/train.yaml`, (await readShippedConfig("quickstart"))!);
}

function bytesOf({ body }: Reply): Uint8Array<ArrayBuffer> {
  if (body instanceof Uint8Array) return body;
  if (typeof body === "string") return new TextEncoder().encode(body);
  throw new Error("What takes long is answered to no GET");
}
