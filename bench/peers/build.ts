/** Builds dist/peers/. */
import { rmSync } from "node:fs";
import process from "node:process";
import { bundlePeers } from "./bundle.ts";

rmSync("dist/peers", { recursive: true, force: true });
await bundlePeers("dist/peers").catch(() => process.exit(1)); // esbuild has said why
