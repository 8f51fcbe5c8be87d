/** Kinds of which a config chooses one by its key, as `optimizer: { sgd: { momentum: 0.9, weightDecay: 0 } }`. */
import * as z from "zod";
import { kindList } from "../core/kinds/kinds.ts";
import { checkOptions } from "../core/kinds/check_options.ts";

/** A kind that makes a `Made` of options; as they are written they may be `Input`, with defaults left out. */
export interface LearningKind<Key extends string, Made, Options, Input = Options> {
  readonly key: Key;
  readonly schema: z.ZodType<Options, Input>;
  build(options: Options): Made;
}

type AnyKind = LearningKind<string, unknown, unknown>;
export type OptionsOf<Kind> = Kind extends LearningKind<string, infer _, infer Options, infer _> ? Options : never;
export type InputOf<Kind> = Kind extends LearningKind<string, infer _, infer _, infer Input> ? Input : never;
type MadeOf<Kind> = Kind extends LearningKind<string, infer Made, infer _, infer _> ? Made : never;
/** `{ sgd: SgdConfig }`: what a config says of one of the kinds, checked, defaults filled in. */
export type ConfigOf<Kind> = Kind extends AnyKind ? { readonly [Key in Kind["key"]]: OptionsOf<Kind> } : never;
/** `ConfigOf` as it is written. */
export type WrittenOf<Kind> = Kind extends AnyKind ? { readonly [Key in Kind["key"]]: InputOf<Kind> } : never;

/** What makes the value that a config holds: `sgd({ momentum: 0.9, weightDecay: 0 })` is `{ sgd: { ... } }`. */
export type Constructor<Key extends string, Input> = (
  ...options: Record<never, never> extends Input ? [options?: Input] : [options: Input]
) => { readonly [Name in Key]: Input };

/** The constructor of a kind, which throws `UserError` on options that are not allowed. */
export function constructorOf<Key extends string, Made, Options, Input extends object>(
  kind: LearningKind<Key, Made, Options, Input>,
): Constructor<Key, Input> {
  return (options?: Input) => {
    checkOptions(kind.schema, options ?? {}, `Cannot use ${kind.key}`);
    return { [kind.key]: options ?? {} } as { [Name in Key]: Input };
  };
}

/** A list of kinds, as the rest of the program knows it. */
export interface Choice<Kind extends AnyKind> {
  readonly schema: z.ZodType<ConfigOf<Kind>, WrittenOf<Kind>>;
  build(config: ConfigOf<Kind>): MadeOf<Kind>;
}

/** The choice of one kind of `what`. Throws where two have one key, or one lacks its schema or `build`. */
export function choiceOf<Kind extends AnyKind>(what: string, kinds: readonly Kind[]): Choice<Kind> {
  const list = kindList<AnyKind>(what, kinds, { schema: "object", build: "function" });
  const schema = z.strictObject(Object.fromEntries(kinds.map(({ key, schema }) => [key, schema.optional()])));
  const chosen = schema.superRefine((config, context) => {
    if (Object.keys(config).length === 1) return;
    context.addIssue({ code: "custom", message: `expected one ${what} of ${list.keys.join(", ")}` });
  }).meta({ minProperties: 1, maxProperties: 1 });
  return {
    schema: chosen as unknown as z.ZodType<ConfigOf<Kind>, WrittenOf<Kind>>,
    build(config) {
      const [key, options] = Object.entries(config)[0]!;
      return list.get(key).build(options) as MadeOf<Kind>;
    },
  };
}
