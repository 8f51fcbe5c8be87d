/** What mod.ts exports, the docstrings of it, and the examples in documents: for tests that keep them true. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

export interface Export {
  readonly name: string;
  readonly type: boolean;
  /** Its name where it is declared, and the file. */
  readonly local: string;
  readonly file: string;
}

/** The exports of mod.ts, in order. */
export function exportsOf(path = "mod.ts"): Export[] {
  const statements = /^export (type )?\{([^}]*)\} from "([^"]+)";/gm;
  return [...readFileSync(path, "utf8").matchAll(statements)].flatMap(([, types, names, from]) =>
    names!.split(",").map((part) => part.trim()).filter((part) => part !== "").map((part) => {
      const [, type, local, name] = /^(type )?(\w+)(?: as (\w+))?$/.exec(part)!;
      return {
        name: name ?? local!,
        local: local!,
        type: (types ?? type) !== undefined,
        file: join(dirname(path), from!),
      };
    })
  );
}

/** The docstring above a declaration, or null where there is none or no such declaration. */
export function docstringOf({ local, file }: Export): string | null {
  const text = readFileSync(file, "utf8");
  const found = new RegExp(`^export (?:async )?(?:function|const|interface|type|class) ${local}\\b`, "m").exec(text);
  if (found === null) return null;
  const above = text.slice(0, found.index).trimEnd();
  return above.endsWith("*/") ? above.slice(above.lastIndexOf("/**")) : null;
}

export interface Example {
  /** "training/train.ts:20" */
  readonly source: string;
  readonly code: string;
}

/** The blocks of TypeScript in a file: behind `@example` in docstrings, and in Markdown. */
export function examplesOf(file: string): Example[] {
  const text = readFileSync(file, "utf8");
  return [...text.matchAll(/^( \* |)```ts\n([\s\S]*?)^\1```/gm)].map(({ index, 1: prefix, 2: code }) => ({
    source: `${file}:${text.slice(0, index).split("\n").length}`,
    code: code!.split("\n").map((line) =>
      line.slice(line.startsWith(prefix!) ? prefix!.length : prefix!.trimEnd().length)
    )
      .join("\n"),
  }));
}
