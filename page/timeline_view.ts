/** How the chosen unit came to be: what explains it at the image, after each epoch that the run keeps. */
import { type Selection, THREE_RULES } from "../serve/look.ts";
import { floatsOf, type LiveInfo, type RunInfo, type Timeline } from "../serve/protocol.ts";
import { postLong } from "./api.ts";
import { format, signalCanvas } from "./draw.ts";
import { byId, element, messageOf, say } from "./element.ts";
import { methodTitle } from "./look_view.ts";

export interface TimelineView {
  /** Of the image and the unit that are shown; asks the server for nothing while it is closed. */
  show(pixels: Uint8Array<ArrayBuffer>, selection: Selection, unit: number): void;
  /** Tells which epochs there are, or why there are none. */
  follow(live: LiveInfo): void;
}

/** One rule stands for the three: a row of pictures is to be seen at once. */
const RULE = "guided";

export function timelineView({ device, input: [height, width], classes, layers }: RunInfo): TimelineView {
  const details = byId<HTMLDetailsElement>("timeline-of"), progress = byId<HTMLProgressElement>("timeline-progress");
  let kept: readonly number[] = [], abort = new AbortController(), shown = "";
  let current: { readonly pixels: Uint8Array<ArrayBuffer>; readonly selection: Selection } | null = null;

  async function update(): Promise<void> {
    if (!details.open || current === null || kept.length === 0) return;
    const { pixels, selection: { layer, unit, way, method } } = current, used = method === THREE_RULES ? RULE : method;
    const query = { layer, unit: String(unit), way, method: used }, key = `${JSON.stringify(query)} ${kept} ${pixels}`;
    if (key === shown) return;
    shown = key;
    abort.abort();
    const { signal } = abort = new AbortController();
    progress.hidden = false;
    byId("timeline").classList.add("old");
    try {
      const found = await postLong<Timeline>(
        "api/timeline",
        query,
        (doing, done) => {
          progress.value = done;
          say("timeline-note", doing);
        },
        signal,
        pixels,
      );
      if (signal.aborted) return;
      const name = layer === layers.at(-1)!.name ? classes[Number(unit)]! : `unit ${unit} of ${layer}`;
      const numbers = layer === layers.at(-1)!.name ? "its probability" : "its activation";
      say("timeline-note", `${methodTitle(used)} of ${name} at this image, and ${numbers}; computed on the server`);
      byId("timeline").replaceChildren(...found.map(({ epoch, activation, probabilities, reconstruction }) => {
        const title = epoch === 0 ? "untrained" : `epoch ${epoch}`, of = floatsOf(probabilities)[Number(unit)]!;
        const value = layer === layers.at(-1)!.name ? `${(100 * of).toFixed(1)} %` : format(activation);
        const canvas = signalCanvas(floatsOf(reconstruction), { height, width }, `${name}, ${title}`);
        return element("figure", {}, canvas, element("figcaption", {}, title, element("span", {}, value)));
      }));
      byId("timeline").classList.remove("old");
    } catch (error) {
      if (signal.aborted) return;
      shown = "";
      say("timeline-note", messageOf(error), true);
    } finally {
      if (!signal.aborted) progress.hidden = true;
    }
  }

  details.ontoggle = () => void update();
  return {
    show(pixels, selection, unit) {
      current = { pixels, selection: { ...selection, unit } };
      void update();
    },
    follow(live) {
      details.hidden = live.state === "none" || device === null; // the server computes it
      const grown = live.kept.join() !== kept.join();
      kept = live.kept;
      if (kept.length === 0) {
        say(
          "timeline-note",
          "This run keeps no checkpoints of its course; a training with --set training.keepEvery=1 does",
        );
      } else if (grown) void update();
    },
  };
}
