/** Builds dist/peers/: the driver, and the peers whose packages are installed. */
import { copyFileSync, existsSync, rmSync } from "node:fs";
import process from "node:process";
import { bundlePeers } from "./bundle.ts";

const OUT = "dist/peers";

rmSync(OUT, { recursive: true, force: true });
const installed = existsSync("bench/peers/node_modules") ? ["tfjs", "jax"] : [];
await bundlePeers(["run", "allcnn", ...installed], OUT).catch(() => process.exit(1)); // esbuild has said why
for (const file of ["bench/peers/torch.py", "configs/allcnn-c.yaml"]) {
  copyFileSync(file, `${OUT}/${file.slice(file.lastIndexOf("/") + 1)}`);
}
