/** Networks as plain data, as `network:` of a config has them: their schema, the layers of them, and back. */
import * as z from "zod";
import type { Layer } from "../core/graph/layer.ts";
import { UserError } from "../core/host/errors.ts";
import { buildLayer, kindOf, type LayerConfig, type LayerKind } from "./layer_kind.ts";
import { layerKinds } from "./mod.ts";
import { sequential } from "./sequential.ts";

const nameSchema = z.string().regex(/^[A-Za-z][\w-]*$/).describe("Prefix of its parameters: conv1/w, conv1/b");

/** What an entry says, taken apart. */
export interface Entry {
  readonly kind: LayerKind;
  /** Null where the layer gets one by its kind and number. */
  readonly name: string | null;
  readonly options: object;
  /** The entries of the layers that it holds. */
  readonly layers: readonly LayerConfig[];
}

/** Throws `UserError` where there is no such kind. */
export function readEntry(config: LayerConfig): Entry {
  if (typeof config === "string") return { kind: layerKinds.get(config), name: null, options: {}, layers: [] };
  const [[key, given] = ["", {}]] = Object.entries(config);
  const { name = null, layers = [], ...options } = given as { name?: string; layers?: readonly LayerConfig[] };
  return { kind: layerKinds.get(key), name, options, layers };
}

/** The inverse of `readEntry`. */
export function writeEntry({ kind, name, options, layers }: Entry): LayerConfig {
  const all = { ...(name === null ? {} : { name }), ...options, ...(kind.composite ? { layers } : {}) };
  return Object.keys(all).length === 0 ? kind.key : { [kind.key]: all };
}

/** The names of layers beside each other: those given, and of others the number among their kind, or the next free one. */
export function namesOf(entries: readonly LayerConfig[]): string[] {
  const read = entries.map(readEntry),
    taken = new Set(read.map(({ name }) => name)),
    counts = new Map<string, number>();
  return read.map(({ kind, name }) => {
    const next = () => {
      counts.set(kind.key, (counts.get(kind.key) ?? 0) + 1);
      return kind.autoName?.(counts.get(kind.key)!) ?? null;
    };
    let automatic = next();
    if (name !== null) return name;
    while (automatic !== null && taken.has(automatic)) automatic = next();
    if (automatic === null) throw new UserError(`Cannot build ${kind.key} without a name: give it one`);
    return automatic;
  });
}

/**
 * The entries with each replaced by what `change` makes of it; where that is null, it stays. Inside a layer that holds
 * layers these come first. `change` hears the name that the layer has, given or not.
 */
export function mapEntries(
  entries: readonly LayerConfig[],
  change: (entry: Entry, name: string) => readonly LayerConfig[] | null,
): readonly LayerConfig[] {
  const names = namesOf(entries);
  return entries.flatMap((config, index) => {
    const given = readEntry(config);
    if (!given.kind.composite) return change(given, names[index]!) ?? [config];
    const entry = { ...given, layers: mapEntries(given.layers, change) };
    return change(entry, names[index]!) ?? [writeEntry(entry)];
  });
}

/** The layers of entries, in order. Throws `UserError` on an entry that is not allowed. */
function buildLayers(entries: readonly LayerConfig[]): Layer[] {
  const names = namesOf(entries);
  return entries.map((entry, index) => {
    const { kind, options, layers } = readEntry(entry);
    return buildLayer(kind, names[index]!, options, buildLayers(layers));
  });
}

/**
 * The network of a config: its layers in order. Throws `UserError` on an entry that is not allowed, and where two
 * layers share a name.
 *
 * @example
 * ```ts
 * const { name, network } = await loadConfig("allcnn-c");
 * console.log(buildNetwork(name, network).init([1, 32, 32, 3]).output); // [ 1, 1, 1, 10 ]
 * ```
 */
export function buildNetwork(name: string, layers: readonly LayerConfig[]): Layer {
  return sequential(name, buildLayers(layers));
}

/**
 * The entries that build the layers of a network, with the names that they would not get anyway. Null where one is of
 * no kind that a config knows.
 */
export function entriesOf({ layers = [] }: Layer): readonly LayerConfig[] | null {
  const entries: LayerConfig[] = [];
  for (const layer of layers) {
    const kind = kindOf(layer), inner = entriesOf(layer);
    if (kind === null || inner === null || layerKinds.find(kind.key) !== kind) return null;
    const name = kind.autoName === undefined ? layer.name : null;
    entries.push(writeEntry({ kind, name, options: layer.made!.options, layers: inner }));
  }
  const names = namesOf(entries);
  return entries.map((entry, index) =>
    names[index] === layers[index]!.name ? entry : writeEntry({ ...readEntry(entry), name: layers[index]!.name })
  );
}

/** A list in which no two layers share a name. */
function withNames(entries: z.ZodType<LayerConfig>): z.ZodType<readonly LayerConfig[]> {
  return z.array(entries).min(1).max(1000).superRefine((list, context) => {
    const names = namesOf(list);
    names.forEach((name, index) => {
      if (names.indexOf(name) === index) return;
      const { kind } = readEntry(list[index]!), message = `"${name}" names two layers, rename one`;
      context.addIssue({ code: "custom", path: [index, kind.key, "name"], message });
    });
  });
}

/** The schemas of the entries of a kind: its options with its name, and where all can be left out, the key alone. */
function entrySchemas({ key, schema, autoName, composite }: LayerKind): z.ZodType<LayerConfig>[] {
  const { shape } = schema as unknown as z.ZodObject,
    name = autoName === undefined ? nameSchema : nameSchema.optional();
  const inner = composite ? { layers: z.lazy(() => networkSchema) } : {};
  const full = z.strictObject({ [key]: z.strictObject({ name, ...shape, ...inner }) }) as z.ZodType<LayerConfig>;
  const bare = autoName !== undefined && !composite && z.safeParse(schema as z.ZodType, {}).success;
  return bare ? [full, z.literal(key)] : [full];
}

/** A zod schema of `network:`, defaults filled in. */
export const networkSchema: z.ZodType<readonly LayerConfig[]> = withNames(
  z.union([...layerKinds].flatMap(entrySchemas)),
);
