/** Makes single files of peers, which then need nothing but Node and the npm package `webgpu`. */
import { build } from "esbuild";

/** Bundles `bench/peers/NAME.ts` for each name into `folder`. Throws where a package is missing. */
export async function bundlePeers(names: readonly string[], folder: string): Promise<void> {
  await build({
    entryPoints: names.map((name) => `bench/peers/${name}.ts`),
    outdir: folder,
    outExtension: { ".js": ".mjs" }, // ES modules wherever the folder is carried to
    bundle: true,
    platform: "node",
    format: "esm",
    mainFields: ["module", "main"], // TensorFlow.js as ES modules, so that all its parts share one registry
    external: ["webgpu", "webgpu/package.json"],
    // TensorFlow.js asks for some of Node's modules with require, which ES modules do not have.
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    logLevel: "error",
  });
}
