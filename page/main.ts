/** The page of `allcnn serve`. */
import "./no_eval.ts";
import type { Selection, Way } from "../serve/look.ts";
import type { LiveInfo, RunInfo } from "../serve/protocol.ts";
import { getJson, LostError, postLong } from "./api.ts";
import { showCurves } from "./curves.ts";
import { showDiagram } from "./diagram.ts";
import { byId, messageOf, pause, say } from "./element.ts";
import { engineOf } from "./engine.ts";
import { lookView } from "./look_view.ts";
import { type Given, type Samples, takePictures } from "./picture.ts";
import { addressOf, type Place, placeOf, startOf } from "./place.ts";
import { showProblems, showState } from "./state.ts";
import { trainHere } from "./train_here.ts";
import { timelineView } from "./timeline_view.ts";
import { unitsHere } from "./units_here.ts";
import { unitsView } from "./units_view.ts";

/** Milliseconds between two looks while a network is loaded, at a training, and at a run that stands still. */
const SOON = 500, OFTEN = 2000, SELDOM = 3000;

/** Milliseconds that the browser leaves to the server before it computes by itself. */
const PATIENCE = 3000;

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

async function start(): Promise<void> {
  const run = await ask<RunInfo>("api/run");
  let live: LiveInfo | null = null;
  const last = run.layers.at(-1)!;
  let { place, problem } = placeOf(location.hash, run), given: Given | null = null, samples: Samples | null = null;
  let looking = false, again = false, preparing = false, shown: string | null = null;
  document.title = `${run.name} · allcnn`;
  byId("name").textContent = run.name;
  byId("about").textContent = run.device === null
    ? "All of it is computed in this browser: no picture leaves it"
    : `${run.path}, served on ${run.device}`;

  const engine = engineOf(() => live?.checkpoint ?? null, run.device !== null, () => void look()),
    version = () => live?.checkpoint?.version ?? null;
  const diagram = showDiagram(run, (layer) => go({ layer, unit: "top" }));
  const looked = lookView(run, (unit) => go({ layer: last, unit }), (unit) => go({ unit }));
  const answers = run.device === null ? unitsHere(run, engine) : postLong;
  const timeline = timelineView(run);
  const units = unitsView(run, answers, (unit) => go({ unit }));
  const where = byId<HTMLSelectElement>("where"), way = byId<HTMLSelectElement>("way");
  const method = byId<HTMLSelectElement>("method"), maps = byId<HTMLDetailsElement>("maps-of");

  const chosen = (): Selection => ({ ...place, layer: place.layer.name, maps: maps.open });
  /** What is shown; who computes it makes no difference. */
  const keyOf = (pixels: Uint8Array) => `${version()} ${JSON.stringify(chosen())} ${pixels}`;

  /** Looks at the image, and once more if something else was chosen, or another checkpoint came, in the meantime. */
  async function look(): Promise<void> {
    again = true;
    if (looking || given === null || preparing && atStart()) return;
    looking = true;
    while (again) {
      again = false;
      await lookOnce(given);
    }
    looking = false;
  }

  async function lookOnce({ pixels, note }: Given): Promise<void> {
    const selection = chosen(), key = keyOf(pixels);
    const current = () => given?.pixels === pixels && JSON.stringify(chosen()) === JSON.stringify(selection);
    byId("looked").classList.toggle("old", shown !== key);
    try {
      const result = await engine.look(pixels, selection, where.value === "server", (doing) => {
        if (current()) say("image-status", `${note}. ${doing} …`);
      });
      if (!current()) return;
      where.value = result.onServer ? "server" : "browser";
      shown = key;
      looked.show(pixels, selection, result);
      timeline.show(pixels, selection, result.seen[0]!.unit);
      if (!again) byId("looked").classList.remove("old");
      say("image-status", note);
    } catch (error) {
      if (current()) say("image-status", messageOf(error), true);
    }
  }

  /** Is what is chosen what the server has at hand? */
  const atStart = () => given?.sample === 0 && !maps.open && addressOf(place) === addressOf(startOf(run));

  /**
   * Shows what the server has at hand; the browser computes it again after that, or after a while: where there is no GPU,
   * both would compile on the same processor.
   */
  async function lookFirst({ pixels, note }: Given): Promise<void> {
    if (shown !== null || !atStart()) return await look();
    preparing = true;
    say("image-status", `${note}. Waiting for the server …`);
    const first = engine.first().then((found) => {
      if (shown !== null || given?.pixels !== pixels || !atStart()) return;
      looked.show(pixels, chosen(), found);
      shown = keyOf(pixels);
    }).catch(() => {}); // then the browser's own look is what is seen first
    await Promise.race([first, pause(PATIENCE)]);
    preparing = false;
    await look();
  }

  /** Shows what is chosen there. */
  function show(): void {
    [method.value, way.value] = [place.method, place.way];
    diagram.mark(place.layer);
    units.show(place.layer, place.unit, version());
    void look();
  }

  /** Goes to another place, which the browser's way back knows. */
  function go(to: Partial<Place>): void {
    const before = addressOf(place);
    [place, problem] = [{ ...place, ...to }, null];
    if (addressOf(place) !== before) history.pushState(null, "", addressOf(place));
    show();
  }

  /** Goes where the address says. */
  function follow(): void {
    const { image } = place;
    ({ place, problem } = placeOf(location.hash, run));
    if (place.image !== null && place.image !== image) samples?.take(Math.min(place.image, samples.count - 1));
    show();
  }

  /** Follows the run that is served; files do not change. */
  async function watch(): Promise<void> {
    do {
      try {
        const before = live, next = live = await getJson<LiveInfo>("api/live");
        if (before !== null && before.run !== next.run) location.reload(); // another run is served here now
        showLive(next);
        if (next.checkpoint?.version !== before?.checkpoint?.version) {
          units.show(place.layer, place.unit, version());
          void look();
        }
      } catch (error) {
        showProblems([messageOf(error) + (error instanceof LostError ? "; the page goes on by itself then" : "")]);
      }
      await pause(live === null || live.loading !== null ? SOON : live.state === "training" ? OFTEN : SELDOM);
    } while (run.device !== null || live === null);
  }

  function showLive(live: LiveInfo): void {
    showProblems([...live.problems, ...problem === null ? [] : [problem]]);
    showState(live);
    showCurves(live);
    timeline.follow(live);
  }

  where.onchange = maps.ontoggle = () => void look();
  byId("where-label").hidden = run.device === null;
  way.onchange = () => go({ way: way.value as Way });
  method.onchange = () => go({ method: method.value });
  onpopstate = follow;
  say("state", "Loading the network");
  show();
  void takePictures(run, (picture) => {
    given = picture;
    if (picture.sample !== null && picture.sample === place.image) void lookFirst(picture); // the address brought it here
    else go({ image: picture.sample });
  }, () => looking).then((found) => {
    samples = found;
    if (given === null && found.count > 0) samples.take(Math.min(place.image ?? 0, found.count - 1));
  });
  if (run.device === null) await trainHere();
  await watch();
}

start().catch((error) => showProblems([`The page has failed, please report it: ${messageOf(error)}`]));
