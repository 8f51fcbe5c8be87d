/** `npm run docs`: the API reference as a static site, dist/docs, a page for each group of mod.ts. */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import process from "node:process";

const OUT = "dist/docs", MODULES = "dist/docs_modules";

/** A group of mod.ts: the line comment above it, and its exports. */
interface Group {
  readonly title: string;
  readonly code: string;
}

/** The groups of a module whose parts each begin with a line comment: "// Look inside." */
export function groupsOf(source: string): Group[] {
  return source.split(/^\/\/ /m).slice(1).map((part) => {
    const end = part.indexOf("\n");
    return { title: part.slice(0, end).replace(/\.$/, ""), code: part.slice(end + 1) };
  });
}

/** "Networks: layers, and what a layer is" is networks.ts. */
const fileOf = ({ title }: Group) => `${title.split(/[:,;]/)[0]!.toLowerCase().replaceAll(" ", "_")}.ts`;

function main(): number {
  fs.rmSync(OUT, { recursive: true, force: true });
  fs.rmSync(MODULES, { recursive: true, force: true });
  fs.mkdirSync(MODULES, { recursive: true });
  const groups = groupsOf(fs.readFileSync("mod.ts", "utf8"));
  for (const group of groups) {
    const code = group.code.replaceAll('from "./', 'from "../../');
    fs.writeFileSync(`${MODULES}/${fileOf(group)}`, `/**\n * ${group.title}.\n * @module\n */\n${code}`);
  }
  const files = groups.map((group) => `${MODULES}/${fileOf(group)}`);
  const { status, stderr } = spawnSync(
    "node_modules/.bin/deno",
    ["doc", "--quiet", "--html", "--name=allcnn", `--output=${OUT}`, ...files],
    { encoding: "utf8" },
  );
  if (status !== 0) {
    console.error(stderr.trim().split("\n").filter((line) => !line.startsWith("Warning")).join("\n"));
    return 1;
  }
  console.log(`${OUT}/index.html: ${groups.map(({ title }) => title).join("; ")}`);
  return 0;
}

process.exitCode = main();
