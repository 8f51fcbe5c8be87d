/** `npm run build`: writes the modules for Node and browsers and the program into dist/. */
import { build, type BuildOptions, type Plugin } from "esbuild";
import * as fs from "node:fs";
import process from "node:process";
import { browserModules } from "./browser_modules.ts";
import { licenseText, packageOf } from "./licenses.ts";

const COMMON = { bundle: true, format: "esm", logLevel: "warning" } satisfies BuildOptions;

/** Packages stay outside: npm installs them. */
const NODE = { ...COMMON, platform: "node", packages: "external" } satisfies BuildOptions;

/** The door finds the program beside it. */
const programOutside: Plugin = {
  name: "program outside",
  setup({ onResolve }) {
    onResolve({ filter: /\/cli\/main\.ts$/ }, () => ({ path: "./program.js", external: true }));
  },
};

/** Everything inside but what is native, so that a page can load the file as it is. */
const BROWSER = { ...COMMON, platform: "browser", metafile: true, plugins: [browserModules] } satisfies BuildOptions;

async function buildModules(): Promise<void> {
  const [{ metafile }] = await Promise.all([
    build({ ...BROWSER, entryPoints: ["mod.ts"], outfile: "dist/browser.js" }),
    build({ ...BROWSER, entryPoints: ["page/main.ts"], outfile: "dist/page/page.js" }),
    build({ ...BROWSER, entryPoints: ["page/train_worker.ts"], outfile: "dist/page/train_worker.js", minify: true }),
    build({ ...COMMON, entryPoints: ["kernels/mod.ts"], outfile: "dist/kernels.js" }),
    build({ ...NODE, entryPoints: ["mod.ts"], outfile: "dist/mod.js" }),
    build({ ...NODE, entryPoints: ["cli/main.ts"], outfile: "dist/program.js" }),
    build({ ...NODE, entryPoints: ["allcnn.ts"], outfile: "dist/allcnn.js", plugins: [programOutside] }),
  ]);
  const carried = Object.entries(metafile.outputs["dist/browser.js"]!.inputs).filter(([, each]) =>
    each.bytesInOutput > 0
  );
  const packages = new Set(carried.map(([path]) => packageOf(path)).filter((name) => name !== null));
  fs.writeFileSync("dist/browser.licenses.txt", licenseText([...packages].sort()));
}

/** What `allcnn serve` serves, beside the module for browsers. */
function copyPage(): void {
  for (const file of ["index.html", "page.css"]) fs.copyFileSync(`page/${file}`, `dist/page/${file}`);
}

/** `npx allcnn` in the checkout runs what was just built. */
function linkProgram(): void {
  const link = "node_modules/.bin/allcnn";
  if (process.platform === "win32") return;
  fs.chmodSync("dist/allcnn.js", 0o755);
  fs.rmSync(link, { force: true });
  fs.symlinkSync("../../dist/allcnn.js", link);
}

fs.rmSync("dist/types", { recursive: true, force: true }); // of other sources: `npm run build:types` writes them anew
await buildModules();
copyPage();
linkProgram();
