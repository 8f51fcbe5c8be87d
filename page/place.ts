/** Where one is on the page, as its address says it: `#image=3&layer=conv2&unit=5&method=occlusion&way=switches`. */
import { THREE_RULES, type Way } from "../serve/look.ts";
import type { LayerInfo, RunInfo } from "../serve/protocol.ts";

/** What is chosen. */
export interface Place {
  /** Of the samples; null for an image of one's own. */
  readonly image: number | null;
  readonly layer: LayerInfo;
  readonly unit: number | "top";
  readonly method: string;
  readonly way: Way;
}

/** Where one starts: the first sample, and what speaks for its class. */
export const startOf = ({ layers, ways }: RunInfo): Place => ({
  ...{ image: 0, layer: layers.at(-1)!, unit: "top", method: THREE_RULES, way: ways[0]! },
});

/** The methods of a run by key, the three rules together first. */
export const methodsOf = ({ methods }: RunInfo): readonly string[] => [THREE_RULES, ...methods.map(({ key }) => key)];

export function addressOf({ image, layer, unit, method, way }: Place): string {
  const said = {
    ...image === null ? {} : { image: String(image) },
    layer: layer.name,
    unit: String(unit),
    method,
    way,
  };
  return `#${new URLSearchParams(said)}`;
}

/** The place that an address names, what it leaves out as at the start; and a line for what of it there is not. */
export function placeOf(address: string, run: RunInfo): { readonly place: Place; readonly problem: string | null } {
  const said = new URLSearchParams(address.replace(/^#/, "")), start = startOf(run), wrong: string[] = [];
  function read<T>(name: string, otherwise: T, find: (text: string) => T | undefined): T {
    const text = said.get(name), found = text === null ? otherwise : find(text);
    if (found === undefined) wrong.push(`${name} "${text}"`);
    return found ?? otherwise;
  }
  const below = (most: number) => (text: string) =>
    /^\d+$/.test(text) && Number(text) < most ? Number(text) : undefined;
  const layer = read(
    "layer",
    start.layer,
    (text) => run.layers.find(({ name, trainingOnly }) => name === text && !trainingOnly),
  );
  const place: Place = {
    layer,
    image: read("image", start.image, below(run.classes.length)),
    unit: read<number | "top">("unit", "top", (text) => text === "top" ? text : below(layer.output[2])(text)),
    method: read("method", start.method, (text) => methodsOf(run).find((key) => key === text)),
    way: read("way", start.way, (text) => run.ways.find((way) => way === text)),
  };
  return {
    place,
    problem: wrong.length === 0 ? null : `The address of this page names no ${wrong.join(", no ")} of it`,
  };
}
