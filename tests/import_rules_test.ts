import { test } from "uvu";
import * as assert from "uvu/assert";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Everything but the tests is source; scripts and cli/ may touch the outside, the folders below may not. */
const IGNORED = /(^|\/)node_modules\/|^(dist|runs|docs|\.[^/]*)\//;
const FILES = (readdirSync(".", { recursive: true }) as string[])
  .map((path) => path.replaceAll("\\", "/"))
  .filter((path) => path.endsWith(".ts") && !path.endsWith(".d.ts") && !IGNORED.test(path))
  .filter((path) => path !== "tests/import_rules_test.ts"); // its example has import lines that lead nowhere
const SOURCES = FILES.filter((path) => !path.startsWith("tests/"));
const TEXT = new Map(FILES.map((path) => [path, readFileSync(path, "utf8")]));

/** The top folder; what lies at the root counts as a script, and so does the package's other door. */
const topOf = (path: string) =>
  path.includes("/") && path !== "kernels/mod.ts" ? path.slice(0, path.indexOf("/")) : "scripts";
/** The folder by which rules are made: core/ and kernels/ are divided, and their own files are "core" and "kernels". */
function folderOf(path: string): string {
  const top = topOf(path), [, second, third] = path.split("/");
  return (top === "core" || top === "kernels") && third !== undefined ? `${top}/${second}` : top;
}
const inFolder = (folder: string) => SOURCES.filter((path) => folderOf(path) === folder);

/** What a file imports or re-exports: types, side effects and dynamic imports too. */
function importsOf(text: string): string[] {
  const statements =
    /^\s*(?:import|export)\b[^;"']*?\bfrom\s*["']([^"']+)["']|^\s*import\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/gm;
  return [...withoutComments(text).matchAll(statements)].map(([, from, bare, dynamic]) => (from ?? bare ?? dynamic)!);
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "$1");
}

/** The path, from the root, of a relative import; null for a package. */
const target = (path: string, specifier: string) => specifier.startsWith(".") ? join(dirname(path), specifier) : null;

/** All violations at once, one per line: the message is the list of what to fix. */
const none = (violations: readonly string[]) => assert.is(violations.join("\n"), "");

/** Files of `paths`, comments aside, that hold `pattern` and are not in `except`. */
const mentions = (paths: readonly string[], pattern: RegExp, except: readonly string[] = []) =>
  paths.filter((path) => !except.includes(path) && pattern.test(withoutComments(TEXT.get(path)!)));

test("the reader of import lines sees every form, and no comment or text", () => {
  const text = `import { a, type B } from "./a.ts"; // import "./no.ts"
import type { C } from "./c.ts";
import {
  d,
} from './d.ts';
import "./e.ts";
export * from "./f.ts";
/* import g from "./g.ts" */
const h = await import("h");
export const slot = { from: "read" };
const text = 'imported from "nowhere"';`;
  assert.equal(importsOf(text), ["./a.ts", "./c.ts", "./d.ts", "./e.ts", "./f.ts", "h"]);
  for (
    const path of ["kernels/kernel.ts", "core/device/plan.ts", "layers/mod.ts", "configs/load.ts", "tests/_gpu.ts"]
  ) {
    assert.ok(TEXT.has(path), `${path} was not read`);
  }
  assert.ok(importsOf(TEXT.get("core/device/plan.ts")!).includes("../graph/memory_plan.ts"));
});

const KERNELS = [
  "kernels",
  "kernels/layer",
  "kernels/conv",
  "kernels/train",
  "kernels/data",
  "kernels/explain",
  "kernels/measure",
];
const CORE = ["core/host", "core/kinds", "core/graph", "core/device", "core/measure", "core/tune"];
const NONE = /^$/;

/** The folders that come before one in a list, and itself: "is used by" goes one way. */
const upTo = (order: readonly string[], folder: string) => order.slice(0, order.indexOf(folder) + 1);

/** Folders and packages that each folder may import; `null`: any package. */
const RULES: Record<string, { folders: readonly string[]; packages: RegExp | null }> = {
  kernels: { folders: ["kernels"], packages: NONE },
  "kernels/layer": { folders: upTo(KERNELS, "kernels/layer"), packages: NONE },
  "kernels/conv": { folders: upTo(KERNELS, "kernels/conv"), packages: NONE },
  "kernels/train": { folders: ["kernels", "kernels/train"], packages: NONE },
  "kernels/data": { folders: ["kernels", "kernels/data"], packages: NONE },
  "kernels/explain": { folders: ["kernels", "kernels/explain"], packages: NONE },
  "kernels/measure": { folders: ["kernels", "kernels/conv", "kernels/measure"], packages: NONE },
  "core/host": { folders: ["core/host"], packages: /^(webgpu(\/package\.json)?|node:.+)$/ }, // which files may, is checked below
  "core/kinds": { folders: ["core/host", "core/kinds"], packages: /^zod$/ },
  ...Object.fromEntries(
    CORE.slice(2).map((folder) => [folder, { folders: [...KERNELS, ...upTo(CORE, folder)], packages: NONE }]),
  ),
  layers: { folders: [...KERNELS, "core/host", "core/kinds", "core/graph", "layers"], packages: /^zod$/ },
  learning: { folders: [...KERNELS, "core/host", "core/kinds", "core/graph", "learning"], packages: /^zod$/ },
  configs: {
    folders: ["core/host", "core/kinds", "core/graph", "layers", "learning", "data", "configs"],
    packages: /^(zod|yaml)$/,
  },
  export: {
    folders: ["kernels", "core/host", "core/kinds", "core/graph", "layers", "configs", "data", "export"],
    packages: /^protobufjs\/light\.js$/,
  },
  data: { folders: [...KERNELS, ...CORE, "data"], packages: null },
  report: { folders: [...KERNELS, ...CORE, "data", "report"], packages: null },
  training: {
    folders: [...KERNELS, ...CORE, "layers", "learning", "configs", "data", "report", "export", "training"],
    packages: /^(zod|yaml)$/,
  },
  explain: {
    folders: [...KERNELS, ...CORE, "layers", "configs", "data", "report", "training", "explain"],
    packages: NONE,
  },
  serve: {
    folders: [...CORE, "layers", "configs", "data", "report", "training", "explain", "serve"],
    packages: /^node:(http|net)$/, // which file may, is checked below
  },
  page: { folders: [...CORE, "configs", "report", "training", "explain", "serve", "page", "scripts"], packages: NONE }, // mod.ts counts as one
  sweep: { folders: [...CORE, "configs", "data", "report", "training", "sweep"], packages: /^(yaml|bullmq|ioredis)$/ },
};

test("every file of core/ and kernels/ lies in a folder with a rule", () => {
  none(
    SOURCES.filter((path) => ["core", "kernels"].includes(topOf(path)) && RULES[folderOf(path)] === undefined)
      .map((path) => `${path} lies in ${folderOf(path)}`),
  );
});

test("no file name occurs twice in core/, kernels/ and training/, mod.ts excepted", () => {
  const paths = SOURCES.filter((path) => ["core", "kernels", "training"].includes(topOf(path)));
  const nameOf = (path: string) => path.slice(path.lastIndexOf("/") + 1);
  none(
    paths.filter((path, index) =>
      nameOf(path) !== "mod.ts" && paths.findIndex((other) => nameOf(other) === nameOf(path)) < index
    ),
  );
});

for (const [folder, { folders, packages }] of Object.entries(RULES)) {
  test(`${folder}/ imports only from ${folders.join(", ")} and the packages it may`, () => {
    assert.ok(inFolder(folder).length > 0);
    none(
      inFolder(folder).flatMap((path) =>
        importsOf(TEXT.get(path)!).filter((specifier) => {
          const to = target(path, specifier);
          return to === null ? packages !== null && !packages.test(specifier) : !folders.includes(folderOf(to));
        }).map((specifier) => `${path} imports ${specifier}`)
      ),
    );
  });
}

test("nothing imports a script, cli/, an example or a test from below", () => {
  const above = ["scripts", "cli", "bench", "examples", "page", "tests"];
  none(
    SOURCES.filter((path) => !above.includes(topOf(path))).flatMap((path) =>
      importsOf(TEXT.get(path)!).filter((specifier) => above.includes(topOf(target(path, specifier) ?? "packages/")))
        .map((specifier) => `${path} imports ${specifier}`)
    ),
  );
});

test("only core/host knows Node, Deno or the browser; data/ and serve/listen.ts may use node:", () => {
  const above = ["scripts", "cli", "bench", "examples", "page"];
  const engine = SOURCES.filter((path) => !above.includes(topOf(path)) && folderOf(path) !== "core/host");
  // What is said of a process in a message is none of its properties.
  none(mentions(engine, /\bnavigator\b|\bindexedDB\b|\bDeno\b|\bprocess\s*(\?\.|[.[])(?!ts")|["']webgpu\b/));
  none(mentions(engine.filter((path) => topOf(path) !== "data"), /["']node:/, ["serve/listen.ts"]));
});

test("core/ knows no kernel of an optimizer or a loss: those that learning/ has", () => {
  const kernelsOf = (paths: readonly string[]) =>
    paths.flatMap((path) => importsOf(TEXT.get(path)!).map((specifier) => target(path, specifier) ?? ""))
      .filter((path) => topOf(path) === "kernels");
  const named = kernelsOf(inFolder("learning")), core = kernelsOf(SOURCES.filter((path) => topOf(path) === "core"));
  assert.ok(named.includes("kernels/train/sgd.ts"));
  none(core.filter((path) => named.includes(path)));
});

test("a family of convolutions is named in its own files alone, and fusion imports no kernel", () => {
  none(mentions(SOURCES, /\bfamily\s*[!=]==\s*["`]/));
  const own = (path: string) => /^kernels\/conv\/(?:families\/)?(\w+)/.exec(path)?.[1];
  const inConv = inFolder("kernels/conv");
  const keys = inConv.flatMap((path) => [...TEXT.get(path)!.matchAll(/^\s+key: "(\w+)",$/gm)].map(([, key]) => key!));
  assert.ok(keys.length >= 5, keys.join());
  for (const key of keys) {
    none(mentions(inConv.filter((path) => own(path) !== key), new RegExp(`"${key}"`)));
    none(mentions(SOURCES.filter((path) => own(path) !== key), new RegExp(`\\bfamily: "${key}"`)));
  }
  assert.equal(importsOf(TEXT.get("core/graph/fuse.ts")!).filter((path) => path.includes("kernels/")), [
    "../../kernels/pointwise.ts",
  ]);
});

test("only core/device, core/measure and core/tune make or submit anything on a GPUDevice", () => {
  const others = SOURCES.filter((path) => !/^(core\/(device|measure|tune)|bench)\//.test(path)); // bench/: other frameworks
  none(
    mentions(others, /\bGPUDevice\b|\.(create(Buffer|CommandEncoder|BindGroup|ShaderModule|\w+Pipeline)\w*|submit)\(/),
  );
  none(mentions(others, /\bqueue\.write\w+\(|\.(push|pop)ErrorScope\(/, ["training/predict_queue.ts"]));
});

test("no layer knows of the GPU, not even in a comment", () => {
  none(inFolder("layers").filter((path) => TEXT.get(path)!.includes("GPU")));
});

test("the library says what to do in its own words; only the commands name their options", () => {
  const library = ["core", "kernels", "layers", "learning", "data", "configs", "training", "explain", "export"];
  none(mentions(
    SOURCES.filter((path) => library.includes(topOf(path))),
    /--(set|data|config|out|resume|allow-|exact|safe|matrix|grid|hold-out)/,
    // A line that only commands print, and a comment in code that one writes.
    ["training/precision.ts", "export/pytorch_code.ts"],
  ));
});

test("no circular imports, types included", () => {
  const cycles: string[] = [], done = new Set<string>();
  const visit = (path: string, trail: readonly string[]) => {
    if (trail.includes(path)) cycles.push([...trail.slice(trail.indexOf(path)), path].join(" -> "));
    if (trail.includes(path) || done.has(path)) return;
    for (const specifier of importsOf(TEXT.get(path) ?? "")) {
      const to = target(path, specifier);
      if (to !== null) visit(to, [...trail, path]);
    }
    done.add(path);
  };
  for (const path of FILES) visit(path, []);
  none(cycles);
});

test("every relative import names an existing file with its extension", () => {
  none(
    FILES.flatMap((path) =>
      importsOf(TEXT.get(path)!).filter((specifier) =>
        specifier.startsWith(".") && (!/\.(ts|json)$/.test(specifier) || !existsSync(target(path, specifier)!))
      ).map((specifier) => `${path} imports ${specifier}`)
    ),
  );
});

test("no default exports", () => {
  none(mentions(FILES, /^\s*export\s+default\b|\bas\s+default\b/m));
});

test("no file is longer than 300 lines", () => {
  none(
    FILES.map((path) => [path, TEXT.get(path)!.trimEnd().split("\n").length] as const)
      .filter(([, lines]) => lines > 300).map(([path, lines]) => `${path} has ${lines} lines`),
  );
});

test.run();
