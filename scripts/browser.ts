/** `npm run browser`: serves the page of examples/browser, made anew at each request. */
import { context } from "esbuild";
import { browserModules } from "./browser_modules.ts";

const HOST = "127.0.0.1", PORT = 8000, FOLDER = "examples/browser";

const page = await context({
  entryPoints: [`${FOLDER}/page.ts`],
  outdir: FOLDER,
  write: false, // served from memory
  bundle: true,
  format: "esm",
  plugins: [browserModules],
  logLevel: "warning",
});
await page.serve({ servedir: ".", host: HOST, port: PORT });
console.log(`http://${HOST}:${PORT}/${FOLDER}/ (Ctrl-C ends)`);
