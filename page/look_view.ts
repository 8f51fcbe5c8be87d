/** What the network makes of an image: probabilities, and what each rule sends back to the pixels. */
import type { Rule } from "../core/graph/layer.ts";
import type { RunInfo } from "../serve/protocol.ts";
import type { Selection, Way } from "../serve/look.ts";
import { type Choice, choiceOf } from "./choice.ts";
import { format, pixelCanvas, signalCanvas } from "./draw.ts";
import { byId, element } from "./element.ts";
import type { Looked } from "./engine.ts";

const TITLES: Readonly<Record<Rule, readonly [title: string, text: string]>> = {
  gradient: ["gradient", "how the unit would change with each pixel"],
  deconvnet: ["deconvnet", "keeps what is positive on the way back"],
  guided: ["guided", "keeps what is positive on both ways"],
};

export const ruleTitle = (rule: Rule): string => TITLES[rule][0];

export interface LookView {
  show(pixels: Uint8Array<ArrayBuffer>, selection: Selection, looked: Looked): void;
}

/** `chooseClass` hears of the class that is to be looked into. */
export function lookView(run: RunInfo, chooseClass: (index: number) => void): LookView {
  const { classes, images: [height, width], input, layers } = run;
  const last = layers.at(-1)!.name;
  let choice: Choice | null = null, order: readonly number[] = [], href = "";
  offerWays(run);

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
    show(pixels, selection, { probabilities, seen, where }) {
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
      byId("rules").replaceChildren(...seen.map(({ rule, reconstruction }) => {
        const [title, text] = TITLES[rule];
        const canvas = signalCanvas(reconstruction, { height: input[0], width: input[1] }, `${title} at the pixels`);
        const caption = element("figcaption", {}, element("strong", {}, title), element("span", {}, text));
        return element("figure", {}, canvas, caption);
      }));
      byId("where-note").textContent = `${where}. Grey is 0; black and white are the largest value of each picture.`;
      URL.revokeObjectURL(href);
      href = URL.createObjectURL(new Blob([valuesOf(selection, seen, input)], { type: "application/json" }));
      byId<HTMLAnchorElement>("values").href = href;
    },
  };
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
  const rules = seen.map(({ reconstruction, ...each }) => ({ ...each, reconstruction: Array.from(reconstruction) }));
  return JSON.stringify({ layer: selection.layer, way: selection.way, shape, rules });
}
