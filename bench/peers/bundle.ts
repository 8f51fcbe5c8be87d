/** Makes single files of peers, which then need nothing but Node and the npm package `webgpu`. */
import { build } from "esbuild";
import { copyFileSync, existsSync } from "node:fs";

/**
 * Fills `folder` with the driver, our own peer, those whose packages are installed, and what they read; returns the names
 * of those that are installed.
 */
export async function bundlePeers(folder: string): Promise<string[]> {
  const installed = existsSync("bench/peers/node_modules") ? ["tfjs", "jax"] : [];
  await build({
    entryPoints: ["run", "allcnn", ...installed].map((name) => `bench/peers/${name}.ts`),
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
  for (const file of ["bench/peers/torch.py", "configs/allcnn-c.yaml"]) {
    copyFileSync(file, `${folder}/${file.split("/").at(-1)}`);
  }
  return installed;
}
