/**
 * Bundles driver and peers into dist/peers/, which then needs nothing but Node and the npm package `webgpu`. Peers
 * whose packages are not installed are left out.
 */
import { build } from "esbuild";
import { copyFileSync, existsSync, mkdirSync, rmSync } from "node:fs";
import process from "node:process";

const OUT = "dist/peers";
const entries = ["run", "allcnn", ...(existsSync("bench/peers/node_modules") ? ["tfjs", "jax"] : [])];

rmSync(OUT, { recursive: true, force: true });
mkdirSync(OUT, { recursive: true });
await build({
  entryPoints: entries.map((name) => `bench/peers/${name}.ts`),
  outdir: OUT,
  bundle: true,
  platform: "node",
  format: "esm",
  mainFields: ["module", "main"], // TensorFlow.js as ES modules, so that all its parts share one registry
  external: ["webgpu", "webgpu/package.json"],
  // TensorFlow.js asks for some of Node's modules with require, which ES modules do not have.
  banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
  logLevel: "error",
}).catch(() => process.exit(1));
for (const file of ["bench/peers/torch.py", "configs/allcnn-c.yaml"]) {
  copyFileSync(file, `${OUT}/${file.slice(file.lastIndexOf("/") + 1)}`);
}
