/** The network as a column of layers: the taller a bar, the more positions; the longer, the more channels. */
import type { LayerInfo, RunInfo } from "../serve/protocol.ts";
import { choiceOf } from "./choice.ts";
import { byId, element } from "./element.ts";

const count = (value: number) => value.toLocaleString("en-US");

export interface Diagram {
  /** Marks a layer as chosen. */
  mark(layer: LayerInfo): void;
}

export function showDiagram({ layers, input }: RunInfo, choose: (layer: LayerInfo) => void): Diagram {
  const parameters = layers.reduce((sum, layer) => sum + layer.parameters, 0);
  byId("network-sum").textContent = `${input[0]}x${input[1]} pixels in, ${count(parameters)} parameters`;
  const most = { side: input[0], channels: Math.max(...layers.map(({ output }) => output[2])) };
  const rows = layers.map((layer) => {
    const { name, what, output: [height, width, channels], parameters, field } = layer;
    const whole = field.height >= input[0] && field.width >= input[1];
    const sizes = `${Math.min(field.height, input[0])}x${Math.min(field.width, input[1])} pixels`;
    const seen = whole ? "the whole image" : field.height === 1 && field.width === 1 ? "1 pixel" : sizes;
    return element(
      layer.trainingOnly ? "div" : "button",
      { className: `layer${parameters === 0 ? " plain" : ""}${layer.elementwise ? " thin" : ""}` },
      ...layer.elementwise ? [] : [bar(height / most.side, channels / most.channels)],
      element(
        "span",
        { className: "layer-text" },
        element("strong", {}, ...breakable(name)),
        // What changes each value by itself is of the shape, and sees what, the layer before it does.
        element("span", { className: "shape" }, layer.elementwise ? what : `${height}x${width}x${channels}`),
        ...layer.elementwise ? [] : [
          element("span", { className: "detail" }, what),
          ...layer.trainingOnly ? [] : [element("span", { className: "detail" }, `sees ${seen}`)],
          ...parameters === 0 ? [] : [element("span", { className: "detail" }, `${count(parameters)} parameters`)],
        ],
      ),
    );
  });
  // What does nothing but in training, as dropout, has no units to look into.
  const chosen = layers.filter(({ trainingOnly }) => !trainingOnly);
  const buttons = rows.filter((row) => row instanceof HTMLButtonElement);
  const choice = choiceOf(byId("layers"), buttons, (index) => choose(chosen[index]!));
  byId("layers").replaceChildren(...rows);
  return {
    mark(layer) {
      const index = chosen.indexOf(layer);
      choice.mark(index);
      if (buttons[index] !== undefined) bringIntoView(buttons[index]);
    },
  };
}

/** Scrolls the list of layers, never the page: it may show something that was just chosen. */
function bringIntoView(button: HTMLElement): void {
  const { top, bottom, left, right } = button.getBoundingClientRect();
  for (const list of [byId("layers"), byId("network")]) {
    const frame = list.getBoundingClientRect();
    list.scrollLeft += Math.max(0, right - frame.right) + Math.min(0, left - frame.left);
    if (list.scrollHeight > list.clientHeight) {
      list.scrollTop += Math.max(0, bottom - frame.bottom) + Math.min(0, top - frame.top);
    }
  }
}

/** globalAveragePool may break before its capitals. */
function breakable(name: string): (Node | string)[] {
  return name.split(/(?=[A-Z])/).flatMap((part, index) => index === 0 ? [part] : [document.createElement("wbr"), part]);
}

/** A block in the layer's proportions, roots of the shares so that small ones can be seen. */
function bar(side: number, channels: number): SVGSVGElement {
  const height = 4 + 36 * Math.sqrt(side), width = 4 + 44 * Math.sqrt(channels), depth = height / 5;
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 60 52");
  svg.setAttribute("aria-hidden", "true");
  const left = (60 - width - depth) / 2, top = (52 - height + depth) / 2, right = left + width, bottom = top + height;
  const shape = (points: readonly (readonly [number, number])[], className: string) => {
    const polygon = document.createElementNS("http://www.w3.org/2000/svg", "polygon");
    polygon.setAttribute("points", points.map((point) => point.map((value) => value.toFixed(1)).join()).join(" "));
    polygon.setAttribute("class", className);
    svg.append(polygon);
  };
  shape([[left, top], [left + depth, top - depth], [right + depth, top - depth], [right, top]], "block-top");
  shape([[right, top], [right + depth, top - depth], [right + depth, bottom - depth], [right, bottom]], "block-side");
  shape([[left, top], [right, top], [right, bottom], [left, bottom]], "block");
  return svg;
}
