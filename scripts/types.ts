/** `npm run build:types`, after the compiler: makes its declarations fit the compilers from 5.4 on, as they are. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const FOLDER = "dist/types";

/** An array that has memory of its own, as compilers before 5.7 can say it too: what `of` returns. */
const withOlder = (text: string) =>
  text.replace(/\b((?:Float|Uint|Int)\d+(?:Clamped)?Array)<ArrayBuffer>/g, 'ReturnType<$1Constructor["of"]>');

/** `Symbol.dispose`, which the package's types name, is in no library of a year yet. */
const WITH_DISPOSE = '/// <reference lib="esnext.disposable" />\n';

/** Before 6, the compiler's library lacks WebGPU; package.json leads older ones here. */
const BEFORE_6 = '/// <reference types="@webgpu/types" />\nexport * from "./mod.ts";\n';

for (const name of readdirSync(FOLDER, { recursive: true }) as string[]) {
  const path = join(FOLDER, name);
  if (!name.endsWith(".d.ts")) continue;
  const text = readFileSync(path, "utf8"), fitting = withOlder(text);
  writeFileSync(path, name === "mod.d.ts" ? WITH_DISPOSE + fitting : fitting);
}
writeFileSync(join(FOLDER, "before_6.d.ts"), BEFORE_6);
