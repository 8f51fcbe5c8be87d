/** Damage of bytes, of texts and of values. */
import { Buffer } from "node:buffer";
import type { Draw } from "./_draw.ts";

type Json = unknown;
type Mutation<T> = (draw: Draw, value: T) => T;

const joined = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));

const BYTES: Readonly<Record<string, Mutation<Uint8Array>>> = {
  "flipped bits": (draw, bytes) => {
    const copy = bytes.slice();
    for (let flips = draw.pick([1, 1, 2, 8, 64]); flips > 0 && copy.length > 0; flips--) {
      copy[draw.whole(0, copy.length)]! ^= 1 << draw.whole(0, 8);
    }
    return copy;
  },
  // The start, where headers lie, is a small part of most files.
  "flipped bits at the start": (draw, bytes) => {
    const copy = bytes.slice();
    copy[draw.whole(0, Math.min(64, copy.length))]! ^= 1 << draw.whole(0, 8);
    return copy;
  },
  "truncated": (draw, bytes) => bytes.slice(0, draw.whole(0, bytes.length)),
  "truncated near the start": (draw, bytes) => bytes.slice(0, draw.whole(0, Math.min(200, bytes.length))),
  "beginning lost": (draw, bytes) => bytes.slice(draw.whole(1, Math.min(2000, bytes.length))),
  "inserted": (draw, bytes) => {
    const at = draw.whole(0, bytes.length), block = new Uint8Array(draw.pick([1, 4, 7, 4096]));
    block.forEach((_, i) => block[i] = draw.chance(0.5) ? 0 : draw.whole(0, 256));
    return joined(bytes.slice(0, at), block, bytes.slice(at));
  },
  "appended": (draw, bytes) => joined(bytes, new Uint8Array(draw.pick([1, 8, 5000]))),
  "swapped blocks": (draw, bytes) => {
    const size = Math.min(draw.pick([1, 16, 512]), bytes.length >> 1), copy = bytes.slice();
    const a = draw.whole(0, bytes.length - size), b = draw.whole(0, bytes.length - size);
    copy.set(bytes.slice(a, a + size), b);
    copy.set(bytes.slice(b, b + size), a);
    return copy;
  },
  "zeroed": (draw, bytes) => {
    const at = draw.whole(0, bytes.length);
    return bytes.slice().fill(0, at, at + draw.pick([8, 512, 1e6]));
  },
  "emptied": () => new Uint8Array(),
};

/** Numbers, words and structures that are valid YAML or JSON and wanted nowhere. */
// deno-fmt-ignore
const TOKENS = [
  "-1",
  "0",
  "1",
  "0.5",
  "65536",
  "65537",
  "1e9",
  "1000000000",
  "4294967296",
  "9007199254740993",
  "1e308",
  "-1e308",
  "1e999",
  "5e-324",
  "1e-30",
  "0x10",
  "true",
  "null",
  '""',
  '"1"',
  "[]",
  "{}",
  "[1]",
  '{"a":1}',
  '"\\u0000"',
  '"\\u202e"',
  '"../../x"',
  '"__proto__"',
  "-0",
  "1e1",
  `"${"x".repeat(5000)}"`,
] as const;

// deno-fmt-ignore
const YAML_TOKENS = [
  ...TOKENS, ".inf", ".nan", "~", "yes", "*a", "&a 1", "&a [*a]", "!!binary aGk=", "!!set {a, b}", "!foo bar", "|", ">",
  "2001-01-01", "1_000", "0o17", "'", '"', "{", "]", ": :", "? ?", "- -", "%", "@x", "`x`", "🦊", "same", "relu", "\t3",
] as const;

const BOMB = [
  "a: &a [x, x, x, x, x, x, x, x, x]",
  ..."bcdefghi".split("").map((name, i) => {
    const before = "abcdefgh"[i]!;
    return `${name}: &${name} [${Array(9).fill(`*${before}`).join(", ")}]`;
  }),
].join("\n");

function onLine(draw: Draw, text: string, change: (line: string) => string[]): string {
  const lines = text.split("\n"), at = draw.whole(0, lines.length);
  lines.splice(at, 1, ...change(lines[at]!));
  return lines.join("\n");
}

/** Replaces one of the matches. */
function replaceOne(draw: Draw, text: string, pattern: RegExp, by: (found: string) => string): string {
  const found = [...text.matchAll(pattern)];
  if (found.length === 0) return text;
  const match = draw.pick(found);
  return text.slice(0, match.index) + by(match[0]) + text.slice(match.index! + match[0].length);
}

const YAML: Readonly<Record<string, Mutation<string>>> = {
  "number replaced": (draw, text) => replaceOne(draw, text, /\b\d[\d.]*\b/g, () => draw.pick(YAML_TOKENS)),
  "number grown": (draw, text) => replaceOne(draw, text, /\b\d+\b/g, (found) => found + "0".repeat(draw.whole(1, 12))),
  "number changed": (draw, text) => replaceOne(draw, text, /\b\d+\b/g, () => String(draw.whole(0, 300))),
  "word replaced": (draw, text) => replaceOne(draw, text, /\b[A-Za-z]\w*\b/g, () => draw.pick(YAML_TOKENS)),
  "word misspelt": (draw, text) =>
    replaceOne(draw, text, /\b[A-Za-z]\w*\b/g, (word) => word.slice(1) + draw.pick(["", "x", "é"])),
  "words swapped": (draw, text) => {
    const words = text.match(/\b[A-Za-z]\w*\b/g) ?? ["x"];
    return replaceOne(draw, text, /\b[A-Za-z]\w*\b/g, () => draw.pick(words));
  },
  "line deleted": (draw, text) => onLine(draw, text, () => []),
  "line doubled": (draw, text) => onLine(draw, text, (line) => [line, line]),
  "lines doubled many times": (draw, text) =>
    onLine(draw, text, (line) => Array(draw.pick([10, 300, 3000])).fill(line)),
  "line indented": (draw, text) => onLine(draw, text, (line) => [draw.pick([" ", "  ", "\t", "\u00a0"]) + line]),
  "line moved": (draw, text) => {
    const lines = text.split("\n"), [line] = lines.splice(draw.whole(0, lines.length), 1);
    lines.splice(draw.whole(0, lines.length), 0, line!);
    return lines.join("\n");
  },
  "punctuation lost": (draw, text) =>
    replaceOne(draw, text, /[{}[\],:-]/g, () => draw.pick(["", ",", ":", "}", "{{", "["])),
  "aliases": (draw, text) => {
    const anchored = replaceOne(draw, text, /: (?=[[{\w])/g, () => ": &here ");
    return replaceOne(draw, anchored, /: \S+/g, () => ": *here");
  },
  "alias to its own parent": (draw, text) => {
    const anchored = text.replace("network:", "network: &net").replace("training:", "training: &tr");
    return replaceOne(draw, anchored, /\b\d+\b|\b[a-z]\w+\b(?=[,\n ])/g, () => draw.pick(["*net", "*tr"]));
  },
  "billion laughs": (draw, text) => {
    const placed = `${BOMB}\n${text}`;
    return draw.chance(0.5) ? placed : replaceOne(draw, placed, /: \d+/g, () => ": *i");
  },
  "deeply nested": (draw, text) => {
    const depth = draw.pick([5, 90, 150, 1000, 20000, 200000]);
    const [open, close] = draw.pick([["[", "]"], ["{a: ", "}"], ["- ", ""], ["? ", ""], ["\n", ""], ["[", ""], [
      "{",
      "",
    ]]);
    const nested = open.repeat(depth) + "1" + close.repeat(depth);
    return draw.chance(0.5) ? nested : replaceOne(draw, text, /: \S+/g, () => `: ${nested}`);
  },
  "nested by indentation": (draw, text) => {
    const depth = draw.pick([40, 300, 1000]);
    return `${text}\nextra:\n${Array.from({ length: depth }, (_, i) => `${" ".repeat(i + 1)}a:`).join("\n")}`;
  },
  "prototype keys": (draw, text) =>
    onLine(draw, text, (line) => [line, `${draw.pick(["__proto__", "constructor", "toString", "<<"])}: { epochs: 1 }`]),
  "characters": (draw, text) => {
    const at = draw.whole(0, text.length);
    const odd = draw.pick([
      "\0",
      "\x1b[31m",
      "\u2028",
      "\ufeff",
      "\r",
      "\t",
      "é",
      "\ud800",
      "#",
      "\\",
      "%YAML 9.9\n---\n",
      "---\n",
    ]);
    return text.slice(0, at) + odd + text.slice(at);
  },
  "documents": (draw, text) =>
    draw.pick([`${text}---\n${text}`, `--- !x\n${text}`, `%YAML 1.1\n---\n${text}`, `...\n${text}`]),
  "huge": (draw, text) => text + `# ${"x".repeat(draw.pick([1e5, 2e6, 2e7]))}`,
  "another file": (draw) => draw.pick(["", "\n", "null", "[]", "3", "text", "\x89PNG\r\n", "{}", "name: x", "- 1"]),
  "windows line ends": (_, text) => text.replaceAll("\n", "\r\n"),
};

/** Where a marker stands, `JSON.stringify` is followed by putting the raw token there. */
const MARK = "@raw:";

/** All paths into a value. */
function pathsOf(value: Json, path: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  if (typeof value !== "object" || value === null) return [path];
  return [path, ...Object.entries(value).slice(0, 60).flatMap(([key, inner]) => pathsOf(inner, [...path, key]))];
}

const valueAt = (root: Json, path: readonly (string | number)[]): Json =>
  path.reduce((parent, key) => (parent as Readonly<Record<string | number, Json>>)?.[key], root);

/** One to three changes of a JSON value: a part replaced, deleted, copied elsewhere, added to, or deeply nested. */
export function mutateJson(draw: Draw, value: Json): string {
  const copy: Record<string, Json> = structuredClone({ root: value });
  for (let changes = draw.pick([1, 1, 2, 3]); changes > 0; changes--) {
    const paths = pathsOf(copy).filter((path) => path.length > 0);
    if (paths.length === 0) break;
    const path = draw.pick(paths), last = path.at(-1)!;
    const at = valueAt(copy, path.slice(0, -1)) as Record<string, Json>;
    const kind = draw.pick(["token", "token", "token", "delete", "copy", "add", "nest", "repeat"] as const);
    if (kind === "token") at[last] = MARK + draw.pick(TOKENS);
    else if (kind === "delete") {
      Reflect.deleteProperty(at, "constructor"); // added before, it would break splice
      if (Array.isArray(at)) at.splice(Number(last), 1);
      else delete at[last];
    } else if (kind === "copy") {
      const from = valueAt(copy, draw.pick(paths));
      at[last] = structuredClone(from);
    } else if (kind === "add") {
      const key = draw.pick(["__proto__", "constructor", "extra", "0", "length"]);
      Object.defineProperty(at, key === "length" && Array.isArray(at) ? "extra" : key, {
        value: MARK + draw.pick(TOKENS),
        enumerable: true,
        configurable: true,
        writable: true,
      });
    } else if (kind === "repeat") {
      at[last] = Array.from({ length: draw.pick([2, 100]) }, () => structuredClone(at[last]));
    } else {
      const depth = draw.pick([3, 100, 2000, 30000]);
      at[last] = `${MARK}${'{"a":['.repeat(depth)}1${"]}".repeat(depth)}`;
    }
  }
  const text = JSON.stringify(copy["root"]) ?? "";
  return text.replace(/"@raw:((?:[^"\\]|\\.)*)"/g, (_, token) => JSON.parse(`"${token}"`));
}

/** A kind of damage, drawn, and what it makes of `bytes`. */
export function mutateBytes(
  draw: Draw,
  { buffer, byteOffset, length }: Uint8Array,
): { how: string; bytes: Uint8Array } {
  const bytes = new Uint8Array(buffer, byteOffset, length); // slices of a Buffer would be no copies
  const how = draw.pick(Object.keys(BYTES));
  return { how, bytes: BYTES[how]!(draw, bytes) };
}

/** One to three kinds of damage of a YAML text. */
export function mutateYaml(draw: Draw, text: string): { how: string; text: string } {
  const hows = Array.from({ length: draw.pick([1, 1, 1, 2, 3]) }, () => draw.pick(Object.keys(YAML)));
  return { how: hows.join(", "), text: hows.reduce((before, how) => YAML[how]!(draw, before), text) };
}

/** One line as a user might type it behind --set. */
export function drawSetting(draw: Draw): string {
  const path = draw.pick([
    "training.batch",
    "training.epochs",
    "network.0.conv.channels",
    "network.1.conv.kernel",
    "network.9",
    "network.6.x",
    "dataset",
    "dataset.name",
    "training",
    "name",
    "network",
    "network.0",
    "training.learningRate.epochs.0",
    "__proto__.x",
    "constructor.prototype.x",
    "",
    ".",
    "a..b",
    "network.-1",
    "network.1e9",
    "dataset.augment.pad",
    "network.999999999",
  ]); // deno-fmt-ignore
  return draw.pick([`${path}=${draw.pick(YAML_TOKENS)}`, path, `${path}=${"[".repeat(draw.pick([2, 5000]))}`, `${path}=a\nb`]);
}
