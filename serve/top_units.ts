/** What the units of a layer respond to most in the test images; kept as long as the checkpoint is the same. */
import { UserError } from "../core/host/errors.ts";
import { RULES } from "../core/graph/layer.ts";
import { type Crop, cropOf, framed, frameOf } from "../explain/crop.ts";
import { clip, fieldAt, receptiveField } from "../explain/receptive_field.ts";
import { type TopActivation, topActivationsOn } from "../explain/top_activations.ts";
import { onCanvas, topPatches } from "../explain/top_patches.ts";
import type { ExamplePixels } from "../training/example_pixels.ts";
import type { Model } from "../training/model.ts";
import { openExamples } from "../training/open_examples.ts";
import type { Report, Source } from "../training/preprocess.ts";
import type { Current, LiveModel } from "./live_model.ts";
import { type PatchPicture, toBase64, type TopUnits, type UnitPatches } from "./protocol.ts";
import { thumbnail } from "./thumbnail.ts";

/** What is not wanted any more when its turn comes, or while the images are searched, throws the signal's reason. */
export interface UnitSearch {
  /** The units of a layer with the patch that activates each most. */
  units(layer: string, report: Report, signal: AbortSignal): Promise<TopUnits>;
  /** The top patches of one unit, and what each rule sends back to them. */
  patches(layer: string, unit: number, report: Report, signal: AbortSignal): Promise<UnitPatches>;
}

/** Patches of a unit. */
const K = 9;

/** What stands for padding around an image: so the patches of a layer have one size, and one magnification. */
const GREY = 128;

type Lists = readonly (readonly TopActivation[])[];

/** `source` has as many test images as are to be searched. */
export function unitSearch(
  live: LiveModel,
  source: () => Promise<Source>,
  pixels: () => Promise<ExamplePixels>,
  line: (message: string) => void,
): UnitSearch {
  let version = "", waiting: Promise<unknown> = Promise.resolve();
  const lists = new Map<string, Lists>(), pictures = new Map<string, UnitPatches>();

  /** One search at a time: they would only take the device from one another. */
  function alone<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const result = waiting.then(() => {
      signal.throwIfAborted();
      return work();
    });
    waiting = result.catch(() => {});
    return result;
  }

  /** Forgets what another checkpoint's units responded to. */
  function keep({ info }: Current): void {
    if (info.version === version) return;
    version = info.version;
    lists.clear();
    pictures.clear();
  }

  async function search(current: Current, layer: string, report: Report, signal: AbortSignal): Promise<Lists> {
    keep(current);
    const known = lists.get(layer);
    if (known !== undefined) return known;
    const { model } = current, { whitening } = model, from = await source();
    const open = async (own: Model) => {
      report("Preparing the images", 0);
      return (await openExamples(own, from, "test", { whitening, report, line })).examples;
    };
    const found = await topActivationsOn(model, open, {
      layer,
      k: K,
      report: (done) => {
        signal.throwIfAborted();
        report(`Searching the images for what ${layer} responds to`, done);
      },
    });
    if (current.info.version === version) lists.set(layer, found);
    return found;
  }

  return {
    units: (layer, report, signal) =>
      alone(signal, () =>
        live.use(async (current) => {
          const found = await search(current, layer, report, signal), { count } = await pixels();
          return {
            version: current.info.version,
            examples: count,
            units: await bestPatches(current.model, layer, found, await pixels()),
          };
        })),
    patches: (layer, unit, report, signal) =>
      alone(signal, () =>
        live.use(async (current) => {
          const found = await search(current, layer, report, signal), list = found[unit], key = `${layer} ${unit}`;
          if (list === undefined) {
            throw new UserError(`Layer "${layer}" has units 0 to ${found.length - 1}, there is no ${unit}`);
          }
          const known = pictures.get(key);
          if (known !== undefined) return known;
          signal.throwIfAborted();
          const images = await pixels(), options = { layer, rules: RULES }, { model } = current;
          const [patches] = await topPatches(model, new Map([[unit, list]]), images, options);
          const field = receptiveField(model.network, model.input, layer);
          const frame = (position: readonly [number, number]) => frameOf(fieldAt(field, position), model.input);
          const made: UnitPatches = {
            version: current.info.version,
            rules: RULES,
            patches: patches!.map(({ example, position, activation, image, reconstructions }) => ({
              example,
              label: images.labels[example]!,
              position,
              activation,
              image: pictureOf(framed(image, frame(position), GREY)),
              reconstructions: reconstructions.map((each) => toBase64(framed(each, frame(position), 0).values)),
            })),
          };
          if (current.info.version === version) pictures.set(key, made);
          return made;
        })),
  };
}

/** Of each unit the patch that activates it most, small. */
async function bestPatches(
  model: Model,
  layer: string,
  lists: Lists,
  { read }: ExamplePixels,
): Promise<TopUnits["units"]> {
  const field = receptiveField(model.network, model.input, layer), units: (TopUnits["units"][number])[] = [];
  for (const [best] of lists) {
    if (best === undefined) {
      units.push(null);
      continue;
    }
    const seen = fieldAt(field, best.position), image = onCanvas(model, await read(best.example));
    const crop = framed(cropOf(image, model.input, clip(seen, model.input)), frameOf(seen, model.input), GREY);
    units.push({ activation: best.activation, image: pictureOf(thumbnail(crop)) });
  }
  return units;
}

function pictureOf({ height, width, values }: Pick<Crop, "height" | "width" | "values">): PatchPicture {
  return { height, width, pixels: toBase64(Uint8Array.from(Uint8ClampedArray.from(values))) };
}
