/**
 * Kinds: whatever a config can name (a layer, an optimizer, a data set) is a record in a file of its own, and the rest
 * of the program knows nothing but the list of them.
 */
import { UserError } from "../host/errors.ts";
import { didYouMean } from "./nearest.ts";

/** The least that a record has: what it is called in a config. */
export interface Kind {
  /** The key in a config, as "conv". */
  readonly key: string;
}

/** What checks a value and fills in defaults: every schema of zod is one. */
export interface Schema<Output, Input = unknown> {
  /** The value, checked, with defaults filled in. Throws where it is not allowed. */
  parse(value: unknown): Output;
  /** Zod's own; here it says which types there are. */
  readonly _zod: { readonly output: Output; readonly input: Input };
}

/** A list of records, in the order in which people are told of them. */
export interface KindList<Record extends Kind> extends Iterable<Record> {
  readonly keys: readonly string[];
  /** The record of a key, if there is one. */
  find(key: string): Record | undefined;
  /** The record of a key. Throws `UserError` that names the nearest spelling and all there are. */
  get(key: string): Record;
}

/** What `typeof` says of a field that each record must have. */
type Contract = Readonly<Record<string, "function" | "object" | "string">>;

/**
 * The list of all kinds of `what` ("layer"). Throws where two have one key, or one lacks what the contract asks for:
 * the program does not start with such a record.
 */
export function kindList<Record extends Kind>(
  what: string,
  records: readonly Record[],
  contract: Contract = {},
): KindList<Record> {
  const byKey = new Map<string, Record>();
  for (const record of records) {
    const { key } = record;
    if (typeof key !== "string" || !/^[A-Za-z]\w*$/.test(key)) {
      throw new Error(`A kind of ${what} has the key ${JSON.stringify(key)}, which is no name`);
    }
    if (byKey.has(key)) throw new Error(`Two kinds of ${what} have the key "${key}"`);
    for (const [field, type] of Object.entries(contract)) {
      const value: unknown = record[field as keyof Record], found = value === null ? "null" : typeof value;
      if (found === type) continue;
      throw new Error(
        `The ${what} "${key}" breaks its contract: its ${field} is ${found}, expected ${type}`,
      );
    }
    byKey.set(key, record);
  }
  const keys = [...byKey.keys()];
  return {
    keys,
    find: (key) => byKey.get(key),
    get(key) {
      const record = byKey.get(key);
      if (record !== undefined) return record;
      const meant = didYouMean(key, keys);
      throw new UserError(`Unknown ${what} "${key}"${meant === "" ? ", t" : `${meant} T`}here are ${keys.join(", ")}`);
    },
    [Symbol.iterator]: () => byKey.values(),
  };
}
