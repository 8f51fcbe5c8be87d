/** What the units of a layer respond to: a small patch of each, and of the chosen one the top patches. */
import { floatsOf, fromBase64, type LayerInfo, type PatchPicture, type RunInfo } from "../serve/protocol.ts";
import type { TopUnits, UnitPatches } from "../serve/protocol.ts";
import type { postLong } from "./api.ts";
import { type Choice, choiceOf } from "./choice.ts";
import { format, pixelCanvas, signalCanvas } from "./draw.ts";
import { byId, element, messageOf, pause, say } from "./element.ts";
import { methodTitle } from "./look_view.ts";

export interface UnitsView {
  /** Shows the units of a layer, if they were searched with this checkpoint; marks one. */
  show(layer: LayerInfo, unit: number | "top", version: string | null): void;
}

/** Milliseconds until a chosen unit is asked for. */
const SETTLED = 150;

const OLD = "There is a new checkpoint: the list is of the one before, search again";

const canvasOf = ({ height, width, pixels }: PatchPicture, label: string) =>
  pixelCanvas({ height, width, pixels: fromBase64(pixels) }, label);

/** Answers `/api/units` and `/api/patches`: the server, or this browser. */
export type Ask = typeof postLong;

/** `chooseUnit` hears of the unit that is to be looked into. */
export function unitsView(run: RunInfo, ask: Ask, chooseUnit: (unit: number) => void): UnitsView {
  const { classes, layers, examples, searched } = run, last = layers.at(-1)!.name, known = new Map<string, TopUnits>();
  const nameOf = (layer: string, unit: number) => layer === last ? classes[unit]! : `unit ${unit}`;
  let shown: { layer: LayerInfo; version: string | null; choice: Choice | null; unit: number | "top" } | null = null;
  let abort = new AbortController(), listed = false; // is the list where the unit was chosen?
  const button = byId<HTMLButtonElement>("search"), progress = byId<HTMLProgressElement>("units-progress");
  const most = searched === "test images" ? `up to ${examples} ${searched}` : `the ${searched}`;
  byId("units-note").textContent = `The parts of ${most} that activate each unit of the chosen ` +
    `layer most, found by ${run.device === null ? "this browser" : "the server"}.`;

  /** Does one thing at a time, with progress; what goes wrong is a line. */
  async function work<T>(path: string, query: Readonly<Record<string, string>>): Promise<T | null> {
    abort.abort();
    const { signal } = abort = new AbortController();
    progress.hidden = false;
    progress.removeAttribute("value");
    try {
      return await ask<T>(path, query, (doing, done) => {
        progress.value = done;
        say("units-status", doing);
      }, signal);
    } catch (error) {
      if (!signal.aborted) say("units-status", messageOf(error), true);
      return null;
    } finally {
      if (!signal.aborted) progress.hidden = true;
    }
  }

  async function search(): Promise<void> {
    const { layer } = shown!;
    button.disabled = true;
    say("units-status", `Searching ${layer.name}`);
    const found = await work<TopUnits>("api/units", { layer: layer.name });
    if (shown!.layer !== layer) return;
    button.disabled = false;
    if (found === null) return;
    known.set(layer.name, found);
    list(found);
    button.focus({ preventScroll: true });
  }

  function list({ units, examples, version }: TopUnits): void {
    const { layer, unit } = shown!;
    const of = version === shown!.version ? "" : ", of the checkpoint before";
    say("units-status", `${units.length} units of ${layer.name} on ${examples} ${searched}${of}; choose one`);
    const buttons = units.map((best, index) => {
      const name = nameOf(layer.name, index);
      const patch = best === null ? "–" : canvasOf(best.image, `the patch that activates ${name} most`);
      return element("button", { className: "thumb unit" }, patch, element("span", {}, name.replace("unit ", "")));
    });
    shown!.choice = choiceOf(byId("unit-list"), buttons, (index) => {
      listed = true;
      chooseUnit(index);
    });
    button.textContent = "Search again";
    if (unit !== "top" && version === shown!.version) void showUnit(unit);
  }

  async function showUnit(unit: number): Promise<void> {
    const { layer, choice } = shown!;
    choice?.mark(unit);
    await pause(SETTLED); // who holds an arrow key down passes many units over
    if (shown!.layer !== layer || shown!.unit !== unit) return;
    const found = await work<UnitPatches>("api/patches", { layer: layer.name, unit: String(unit) });
    if (found === null || shown!.layer !== layer || shown!.unit !== unit) return;
    if (found.version !== known.get(layer.name)?.version) return say("units-status", OLD);
    say(
      "units-status",
      `${nameOf(layer.name, unit)} of ${layer.name}: the ${found.patches.length} images that ` +
        "activate it most, cut to what it sees",
    );
    byId("patches").replaceChildren(tableOf(found, classes));
    // Below the list of units they would go unseen; who chose the unit elsewhere looks there.
    if (listed) byId("patches").scrollIntoView({ block: "nearest" });
    listed = false;
  }

  button.onclick = () => void search();
  return {
    show(layer, unit, version) {
      const before = shown, same = before?.layer === layer, found = known.get(layer.name);
      shown = { layer, version, unit, choice: same ? before.choice : null };
      if (same && found !== undefined) {
        if (unit !== before.unit) byId("patches").replaceChildren();
        shown.choice?.mark(unit === "top" ? -1 : unit);
        // Searching by itself would take the device from the training.
        if (found.version !== version) say("units-status", OLD);
        else if (unit !== "top" && (unit !== before.unit || version !== before.version)) void showUnit(unit);
        return;
      }
      if (same) return;
      abort.abort();
      progress.hidden = true;
      button.disabled = false;
      button.textContent = `Search ${layer.name}`;
      say("units-status", "");
      byId("unit-list").replaceChildren();
      byId("patches").replaceChildren();
      if (found !== undefined) list(found);
    },
  };
}

/** A row for the patches, and one for what each rule sends back to them. */
function tableOf({ patches, rules }: UnitPatches, classes: readonly string[]): HTMLElement {
  const row = (title: string, cells: readonly HTMLElement[]) =>
    element("tr", {}, element("th", { scope: "row" }, title), ...cells.map((cell) => element("td", {}, cell)));
  const table = element(
    "table",
    {},
    row(
      "image",
      patches.map(({ image, label, example, activation }) => {
        const name = classes[label] ?? `class ${label}`;
        const caption = element("figcaption", {}, name, element("span", {}, format(activation)));
        return element("figure", { title: `test image ${example}` }, canvasOf(image, name), caption);
      }),
    ),
    ...rules.map((rule, at) =>
      row(
        methodTitle(rule),
        patches.map(({ image, reconstructions }) =>
          element(
            "figure",
            {},
            signalCanvas(floatsOf(reconstructions[at]!), image, `${methodTitle(rule)} of the patch`),
          )
        ),
      )
    ),
  );
  const scroll = element("div", { className: "scroll", tabIndex: 0 }, table);
  scroll.setAttribute("aria-label", "Top patches and reconstructions");
  return scroll;
}
