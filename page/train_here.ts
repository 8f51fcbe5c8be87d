/** A training in the visitor's browser, where there is no server: in a worker, from its last checkpoint if need be. */
import { list } from "../core/host/files.ts";
import { figuresOf } from "./curves.ts";
import { byId, say } from "./element.ts";
import { type Order, type Told, TRAINING } from "./train_protocol.ts";

/** Is there a checkpoint, if only the one before the last? A tab may be closed while the last one is put in its place. */
const kept = async () => (await list(TRAINING)).some((name) => /^checkpoint\.(.+\.)?safetensors$/.test(name));

/** Shows the section, and waits for a click. */
export async function trainHere(): Promise<void> {
  const start = byId<HTMLButtonElement>("train-start"), stop = byId<HTMLButtonElement>("train-stop");
  const anew = byId<HTMLButtonElement>("train-again"), bar = byId<HTMLProgressElement>("train-progress");
  const saved = byId<HTMLAnchorElement>("train-saved");
  let worker: Worker | null = null;

  /** Shows either the buttons that start or the one that stops; the keyboard stays where it was pressed. */
  const turn = (busy: boolean, goesOn = false) => {
    const focused = [start, anew, stop].some((button) => button === document.activeElement);
    [start.hidden, anew.hidden, stop.hidden, bar.hidden] = [busy, busy || !goesOn, !busy, !busy];
    if (focused) (busy ? stop : start).focus();
  };
  const idle = (goesOn: boolean) => {
    start.textContent = goesOn ? "Go on" : "Train";
    say("train-numbers", "");
    turn(false, goesOn);
  };

  function hear(told: Told): void {
    if ("line" in told) say("train-status", told.line);
    if ("rows" in told) byId("train-curves").replaceChildren(...figuresOf(told.rows));
    if ("status" in told) {
      const { epoch, epochs, step, steps, loss, imagesPerSecond } = told.status;
      bar.value = (epoch - 1 + step / steps) / epochs;
      const speed = `${imagesPerSecond.toPrecision(3)} images/s`;
      say("train-numbers", `Epoch ${epoch} of ${epochs}, step ${step} of ${steps}: loss ${loss.toFixed(3)}, ${speed}`);
    }
    if ("stopped" in told) {
      idle(true);
      say("train-status", "Stopped: what is trained is kept in this browser");
    }
    if ("error" in told) {
      void kept().then(idle);
      say("train-status", told.error, true);
    }
    if ("trained" in told) {
      idle(false);
      URL.revokeObjectURL(saved.href);
      saved.href = URL.createObjectURL(new Blob([told.trained]));
      saved.hidden = false;
      say("train-status", "Trained. allcnn serve and allcnn visualize look into the file that you save");
    }
  }

  const tell = (order: Order) => {
    if (worker === null) {
      worker = new Worker("train_worker.js", { type: "module" });
      worker.onmessage = ({ data }: MessageEvent<Told>) => hear(data);
      worker.onerror = () =>
        hear({ error: "The training cannot start: train_worker.js does not load; reload the page" });
    }
    worker.postMessage(order);
  };
  const begin = (order: "go on" | "start again") => {
    turn(true);
    bar.removeAttribute("value");
    saved.hidden = true;
    say("train-status", "Loading the program");
    tell(order);
  };
  // What has ended starts again; what was stopped goes on.
  start.onclick = () => begin(start.textContent === "Go on" ? "go on" : "start again");
  anew.onclick = () => begin("start again");
  stop.onclick = () => {
    say("train-status", "Stopping after this step");
    tell("stop");
  };
  byId("train").addEventListener("lose", () => tell("lose"));
  idle(await kept());
  byId("train").hidden = false;
}
