/** The page of `allcnn serve`. */
import type { Way } from "../serve/look.ts";
import type { LayerInfo, LiveInfo, RunInfo } from "../serve/protocol.ts";
import { getJson, LostError } from "./api.ts";
import { showCurves } from "./curves.ts";
import { showDiagram } from "./diagram.ts";
import { byId, element, messageOf, pause, say } from "./element.ts";
import { engineOf } from "./engine.ts";
import { lookView } from "./look_view.ts";
import { type Given, takePictures } from "./picture.ts";
import { unitsView } from "./units_view.ts";

/** Milliseconds between two looks while a network is loaded, at a training, and at a run that stands still. */
const SOON = 500, OFTEN = 2000, SELDOM = 3000;

/** Asks until the server answers. */
async function ask<T>(path: string): Promise<T> {
  for (;;) {
    try {
      return await getJson<T>(path);
    } catch (error) {
      showProblems([messageOf(error)]);
      await pause(OFTEN);
    }
  }
}

function showProblems(problems: readonly string[]): void {
  const shown = byId("problems");
  if (shown.dataset["text"] === problems.join("\n")) return; // read out once
  shown.dataset["text"] = problems.join("\n");
  shown.replaceChildren(...problems.map((problem) => element("p", { className: "wrong" }, problem)));
}

function showState({ checkpoint, loading }: LiveInfo): void {
  if (checkpoint === null && loading !== null) {
    return say("state", `Loading the network: ${loading.doing}, ${Math.round(100 * loading.done)} %`);
  }
  if (checkpoint === null) return say("state", "No checkpoint is in use: the page waits for one");
  const { epoch, step } = checkpoint;
  say("state", epoch === null ? "" : `Checkpoint of epoch ${epoch}, step ${step!.toLocaleString("en-US")}`);
}

async function start(): Promise<void> {
  const run = await ask<RunInfo>("/api/run");
  let live: LiveInfo | null = null;
  const last = run.layers.at(-1)!;
  let layer: LayerInfo = last, unit: number | "top" = "top", given: Given | null = null;
  let looking = false, again = false;
  document.title = `${run.name} · allcnn`;
  byId("name").textContent = run.name;
  byId("about").textContent = `${run.path}, served on ${run.device}`;

  const engine = engineOf(() => live?.checkpoint ?? null), version = () => live?.checkpoint?.version ?? null;
  const diagram = showDiagram(run, (chosen) => select(chosen, "top"));
  const looked = lookView(run, (index) => select(last, index));
  const units = unitsView(run, (chosen) => select(layer, chosen));
  const where = byId<HTMLSelectElement>("where"), way = byId<HTMLSelectElement>("way");

  /** Looks at the image, and once more if something else was chosen, or another checkpoint came, in the meantime. */
  async function look(): Promise<void> {
    again = true;
    if (looking || given === null) return;
    looking = true;
    while (again) {
      again = false;
      await lookOnce(given);
    }
    looking = false;
  }

  async function lookOnce({ pixels, note }: Given): Promise<void> {
    const chosen = () => ({ layer: layer.name, unit, way: way.value as Way }), selection = chosen();
    const current = () => given?.pixels === pixels && JSON.stringify(chosen()) === JSON.stringify(selection);
    byId("looked").classList.add("old");
    try {
      const result = await engine(pixels, selection, where.value === "server", (doing) => {
        if (current()) say("image-status", `${note}. ${doing} …`);
      });
      if (!current()) return;
      looked.show(pixels, selection, result);
      if (!again) byId("looked").classList.remove("old");
      say("image-status", note);
    } catch (error) {
      if (current()) say("image-status", messageOf(error), true);
    }
  }

  function select(chosen: LayerInfo, of: number | "top"): void {
    [layer, unit] = [chosen, of];
    diagram.mark(run.layers.indexOf(layer));
    units.show(layer, unit, version());
    void look();
  }

  async function watch(): Promise<never> {
    for (;;) {
      try {
        const before = live, next = live = await getJson<LiveInfo>("/api/live");
        if (before !== null && before.run !== next.run) location.reload(); // another run is served here now
        showLive(next);
        if (next.checkpoint?.version !== before?.checkpoint?.version) {
          units.show(layer, unit, version());
          void look();
        }
      } catch (error) {
        showProblems([messageOf(error) + (error instanceof LostError ? "; the page goes on by itself then" : "")]);
      }
      await pause(live === null || live.loading !== null ? SOON : live.state === "training" ? OFTEN : SELDOM);
    }
  }

  function showLive(live: LiveInfo): void {
    showProblems(live.problems);
    showState(live);
    showCurves(live);
  }

  where.onchange = way.onchange = () => void look();
  say("state", "Loading the network");
  select(last, "top");
  void takePictures(run, (picture) => {
    given = picture;
    void look();
  });
  await watch();
}

start().catch((error) => showProblems([`The page has failed, please report it: ${messageOf(error)}`]));
