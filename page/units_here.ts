/** What the units of a layer respond to in the samples, found by this browser where there is no server. */
import { cropOf, framed, frameOf } from "../explain/crop.ts";
import type { Crop } from "../explain/crop.ts";
import { RULES } from "../core/graph/layer.ts";
import { fromBase64, type PatchPicture, type PictureInfo, type RunInfo, toBase64 } from "../serve/protocol.ts";
import type { TopUnits, UnitPatches } from "../serve/protocol.ts";
import { getJson } from "./api.ts";
import type { Engine, Opened } from "./engine.ts";
import type { Ask } from "./units_view.ts";

/** What stands for what lies outside of an image. */
const GREY = 128;

/** The largest output of a unit in a sample. */
interface Best {
  readonly sample: number;
  readonly position: readonly [number, number];
  readonly activation: number;
}

const pictureOf = ({ height, width, values }: Crop): PatchPicture => ({
  ...{ height, width, pixels: toBase64(Uint8Array.from(values)) },
});

/** Answers as the server does; images are as the network sees them, without a canvas around them. */
export function unitsHere({ input }: RunInfo, engine: Engine): Ask {
  const known = new Map<string, readonly (readonly Best[])[]>();

  /** Of each unit, the samples in the order of its largest output. */
  async function search(
    { library: { featureMaps, preprocess }, model }: Opened,
    layer: string,
    samples: readonly Uint8Array[],
    report: (doing: string, done: number) => void,
  ): Promise<readonly (readonly Best[])[]> {
    const before = known.get(layer), lists: Best[][] = [];
    if (before !== undefined) return before;
    for (const [sample, pixels] of samples.entries()) {
      report(`Searching the images for what ${layer} responds to`, sample / samples.length);
      const [maps] = await featureMaps(model, await preprocess(model, Float32Array.from(pixels)), layer);
      const { width, channels, values } = maps!, best = Array.from({ length: channels }, () => 0);
      values.forEach((value, at) => {
        const channel = at % channels;
        if (value > values[best[channel]!]! || at < channels) best[channel] = at;
      });
      for (const [channel, at] of best.entries()) {
        const place = Math.floor(at / channels), position = [Math.floor(place / width), place % width] as const;
        (lists[channel] ??= []).push({ sample, position, activation: values[at]! });
      }
    }
    for (const list of lists) list.sort((a, b) => b.activation - a.activation);
    known.set(layer, lists);
    return lists;
  }

  async function answer(
    path: string,
    query: Readonly<Record<string, string>>,
    report: (doing: string, done: number) => void,
    signal: AbortSignal,
  ): Promise<TopUnits | UnitPatches> {
    const opened = await engine.open((doing) => report(doing, 0)), { library, model, version } = opened;
    const layer = query["layer"]!, pictures = await getJson<readonly PictureInfo[]>("api/samples");
    const samples = pictures.map(({ pixels }) => fromBase64(pixels));
    const lists = await search(opened, layer, samples, report),
      field = library.receptiveField(model.network, input, layer);
    signal.throwIfAborted();
    const cut = (image: Float32Array, position: readonly [number, number], fill: number) => {
      const seen = library.fieldAt(field, position);
      return framed(cropOf(image, input, library.clip(seen, input)), frameOf(seen, input), fill);
    };
    const imageOf = ({ sample, position }: Best) => pictureOf(cut(Float32Array.from(samples[sample]!), position, GREY));
    if (path.endsWith("units")) {
      const units = lists.map(([best]) => ({ activation: best!.activation, image: imageOf(best!) }));
      return { version, examples: samples.length, units };
    }
    const unit = Number(query["unit"]), patches: UnitPatches["patches"][number][] = [];
    for (const best of lists[unit]!) {
      report("Explaining the patches", patches.length / lists[unit]!.length);
      signal.throwIfAborted();
      const { sample, position, activation } = best, reconstructions: string[] = [];
      const image = await library.preprocess(model, Float32Array.from(samples[sample]!));
      for (const rule of RULES) {
        const [seen] = await library.explain(model, image, { layer, unit, position, rule });
        reconstructions.push(toBase64(cut(seen!.reconstruction, position, 0).values));
      }
      const label = pictures[sample]!.label!;
      patches.push({ example: sample, label, position, activation, image: imageOf(best), reconstructions });
    }
    return { version, rules: RULES, patches };
  }
  return async <T>(...[path, query, report, signal]: Parameters<Ask>) => await answer(path, query, report, signal) as T;
}
