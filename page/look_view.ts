/** What the network makes of an image: probabilities, what explains a unit at the pixels, and feature maps. */
import type { RunInfo } from "../serve/protocol.ts";
import { type Selection, THREE_RULES, type Way } from "../serve/look.ts";
import { type Choice, choiceOf } from "./choice.ts";
import { format, pixelCanvas, signalCanvas } from "./draw.ts";
import { byId, element } from "./element.ts";
import type { Looked } from "./engine.ts";

/** "integrated gradients", of a method's key. */
export const methodTitle = (key: string): string => key.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

export interface LookView {
  show(pixels: Uint8Array<ArrayBuffer>, selection: Selection, looked: Looked): void;
}

/** `chooseClass` hears of the class that is to be looked into, `chooseUnit` of the unit of the layer. */
export function lookView(
  run: RunInfo,
  chooseClass: (index: number) => void,
  chooseUnit: (unit: number) => void,
): LookView {
  const about = new Map(run.methods.map(({ key, about }) => [key, about]));
  const { classes, images: [height, width], input, layers } = run;
  const last = layers.at(-1)!.name;
  let choice: Choice | null = null, order: readonly number[] = [], href = "";
  offerWays(run);
  offerMethods(run);

  /** The most probable first; the others keep their places while one of them is looked into. */
  function showClasses(probabilities: Float32Array, selection: Selection): void {
    const sorted = Array.from(probabilities.keys()).sort((a, b) => probabilities[b]! - probabilities[a]!);
    const again = sorted.join() === order.join() && choice !== null;
    if (!again) {
      order = sorted;
      const buttons = order.map((index) => classButton(classes[index]!, probabilities[index]!));
      choice = choiceOf(byId("classes"), buttons, (at) => chooseClass(order[at]!));
    }
    const { layer, unit } = selection;
    choice!.mark(layer !== last ? -1 : unit === "top" ? 0 : order.indexOf(unit));
  }

  return {
    show(pixels, selection, { probabilities, seen, maps, where }) {
      byId("looked").hidden = false;
      byId("shown").replaceChildren(pixelCanvas({ height, width, pixels }, "the image as the network takes it"));
      if (probabilities.join() !== byId("classes").dataset["of"]) choice = null;
      byId("classes").dataset["of"] = probabilities.join();
      showClasses(probabilities, selection);
      const { unit, position, activation } = seen[0]!;
      const at = `, at row ${position[0]}, column ${position[1]}: activation ${format(activation)}`;
      const name = selection.unit === "top"
        ? `Most active in ${selection.layer}: unit ${unit}`
        : `Unit ${unit} of ${selection.layer}`;
      byId("what-line").textContent = selection.layer === last
        ? `What speaks for ${classes[unit]}: score ${format(activation)}`
        : name + at;
      byId("rules").replaceChildren(...seen.map(({ method, reconstruction }) => {
        const title = methodTitle(method), text = about.get(method) ?? "";
        const canvas = signalCanvas(reconstruction, { height: input[0], width: input[1] }, `${title} at the pixels`);
        const caption = element("figcaption", {}, element("strong", {}, title), element("span", {}, text));
        return element("figure", {}, canvas, caption);
      }));
      byId("where-note").textContent = `${where}. Grey is 0; black and white are the largest value of each picture.`;
      showMaps(maps, selection.layer, unit, chooseUnit);
      URL.revokeObjectURL(href);
      href = URL.createObjectURL(new Blob([valuesOf(selection, seen, input)], { type: "application/json" }));
      byId<HTMLAnchorElement>("values").href = href;
    },
  };
}

/** Every channel of the layer as a small picture of its own; black is 0, or the least, white the most of the layer. */
function showMaps(maps: Looked["maps"], layer: string, unit: number, choose: (unit: number) => void): void {
  byId("maps-title").textContent = `Feature maps of ${layer}`;
  if (maps === null) return;
  const { height, width, channels, values } = maps, single = height * width === 1;
  const least = values.reduce((least, value) => Math.min(least, value), 0);
  const most = values.reduce((most, value) => Math.max(most, value), least + 1e-30);
  byId("maps-note").textContent = single
    ? "Its units have one position each: there is nothing to see but their numbers."
    : `What each of its ${channels} channels puts out at ${height}x${width} positions, from ${
      format(least)
    } (black) to ` +
      `${format(most)} (white).`;
  const buttons = single ? [] : Array.from({ length: channels }, (_, channel) => {
    const pixels = new Uint8Array(height * width);
    for (let at = 0; at < pixels.length; at++) {
      pixels[at] = 255 * (values[at * channels + channel]! - least) / (most - least);
    }
    const canvas = pixelCanvas({ height, width, pixels }, `the map of unit ${channel}`);
    return element("button", { className: "thumb unit" }, canvas, element("span", {}, String(channel)));
  });
  choiceOf(byId("maps"), buttons, choose).mark(unit);
}

/** The three rules together, then every method. */
function offerMethods({ methods }: RunInfo): void {
  const option = (value: string, text: string) => element("option", { value }, text);
  byId("method").replaceChildren(
    option(THREE_RULES, "the paper's three rules"),
    ...methods.map(({ key }) => option(key, methodTitle(key))),
  );
}

/** What the ways are called for a network. */
function offerWays({ ways }: RunInfo): void {
  const pools = ways.includes("no switches");
  const names: Readonly<Record<Way, string>> = {
    "switches": pools ? "pooling with switches" : "strides as trained",
    "no switches": "pooling without switches",
    "pooled strides": "strides as max pooling, with switches",
  };
  byId("way-label").hidden = ways.length === 1;
  byId("way").replaceChildren(...ways.map((way) => element("option", { value: way }, names[way])));
}

function classButton(name: string, probability: number): HTMLButtonElement {
  const bar = element("span", { className: "share" }, element("span", {}));
  bar.style.setProperty("--share", `${100 * probability}%`);
  const percent = `${(100 * probability).toFixed(1)} %`;
  return element("button", { className: "class" }, element("span", {}, name), bar, element("span", {}, percent));
}

/** What is shown as numbers, for other programs. */
function valuesOf(selection: Selection, seen: Looked["seen"], shape: readonly number[]): string {
  const methods = seen.map(({ reconstruction, ...each }) => ({ ...each, reconstruction: Array.from(reconstruction) }));
  return JSON.stringify({ layer: selection.layer, way: selection.way, shape, methods });
}
