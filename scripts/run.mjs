/** `node scripts/run.mjs FILE.ts [arguments]`: bundles a script of this project into dist/ and runs it. */
import { build } from "esbuild";
import process from "node:process";
import { pathToFileURL } from "node:url";

const [file] = process.argv.splice(2, 1), outfile = `dist/${file.slice(0, -3).replaceAll("/", "_")}.js`;
await build({
  entryPoints: [file],
  outfile,
  bundle: true,
  platform: "node",
  format: "esm",
  packages: "external",
  sourcemap: "linked",
  logLevel: "warning",
});
process.setSourceMapsEnabled(true);
await import(pathToFileURL(outfile).href);
