/** The tarball, installed in an empty folder as a user would: library and program, in Node and in Deno, and its types. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { transform } from "esbuild";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { execute, type Result, SMALL } from "../cli/_run.ts";
import { tarball } from "./_pack.ts";

const folder = mkdtempSync(join(tmpdir(), "allcnn-install-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
const run = (file: string, ...args: readonly string[]) =>
  execute(file, args, { cwd: folder, env: { ALLCNN_CACHE: join(folder, "cache"), NO_COLOR: "1" } });
const deno = resolve("node_modules/.bin/deno");

/** What npm says where it does not reach the registry. */
const UNREACHABLE = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|FETCH_ERROR|network/;

async function install(): Promise<boolean> {
  writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }\n');
  const options = ["--prefer-offline", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-timeout=60000"];
  const { code, stderr } = await run("npm", "install", ...options, await tarball());
  if (code === 0) return true;
  assert.match(stderr, UNREACHABLE);
  console.log(`skipped: npm install, ${stderr.split("\n").find((line) => UNREACHABLE.test(line))}`);
  return false;
}

/** An example with its data, in one file that imports the package. */
const source = ["_stripes", "train_on_arrays"].map((name) => readFileSync(`examples/${name}.ts`, "utf8")).join("\n")
  .replaceAll('"../mod.ts"', '"allcnn"').replace(/^import .* from "\.\/_stripes\.ts";$/m, "");

function checkLearnt({ code, stdout, stderr }: Result): void {
  assert.is(code, 0, stdout + stderr);
  assert.match(stdout, /^error on 32 new images: (0|[1-9])\.\d %$/m);
}

test("installed from its tarball, the package works in Node and in Deno", async () => {
  if (!await install()) return;
  for (const missing of ["esbuild", "typescript", "uvu", "deno"]) {
    assert.not.ok(existsSync(join(folder, "node_modules", missing)), `${missing} is not for users`);
  }
  writeFileSync(join(folder, "stripes.ts"), source);
  writeFileSync(
    join(folder, "stripes.js"),
    (await transform(source, { loader: "ts", format: "esm", target: "node20" })).code,
  );
  checkLearnt(await run(process.execPath, "stripes.js"));
  if (existsSync(deno)) checkLearnt(await run(deno, "run", "--allow-all", "--check", "stripes.ts"));

  // The library and the program reach the configs that come along by name, from any folder.
  writeFileSync(
    join(folder, "config.js"),
    'import { loadConfig } from "allcnn";\nconsole.log((await loadConfig("allcnn-c")).training.epochs);\n',
  );
  assert.is((await run(process.execPath, "config.js")).stdout, "350\n");
  writeFileSync(
    join(folder, "paths.js"),
    `import { readFileSync } from "node:fs";
import { convForward } from "allcnn/kernels";
import manifest from "allcnn/package.json" with { type: "json" };
const config = readFileSync(new URL(import.meta.resolve("allcnn/configs/allcnn-c.yaml")), "utf8");
const model = readFileSync(new URL(import.meta.resolve("allcnn/models/demo.safetensors")));
console.log(convForward.name, manifest.name, /^name: .*/m.exec(config)[0], model.length);
`,
  );
  const paths = await run(process.execPath, "--no-warnings", "paths.js");
  const { size } = statSync("models/demo.safetensors");
  assert.is(paths.stdout, `conv_forward allcnn name: allcnn-c ${size}\n`, paths.stderr);
  assert.is((await run("npx", "--no-install", "allcnn", "export", "demo", "--onnx", "demo.onnx")).code, 0);
  const trained = await run("npx", "--no-install", "allcnn", "train", "quickstart", ...SMALL, "--epochs=1");
  assert.is(trained.code, 0, trained.stderr);
  assert.match(
    trained.stdout,
    /^Done: runs\/quickstart-0, .* % test error after \d+ epochs?\. Look inside with: .* serve runs\/quickstart-0$/m,
  );
  assert.ok(existsSync(join(folder, "runs/quickstart-0/curves.png")), "packages for pictures are found");
  const unknown = await run("npx", "--no-install", "allcnn", "train", "configs/quickstart.yaml");
  assert.is(unknown.code, 1);
  assert.match(
    unknown.stderr,
    /Cannot read "configs\/quickstart\.yaml": it does not exist; by name there are .*quickstart/,
  );

  // The declarations are complete and strict, however the user's compiler finds modules.
  const tsc = [resolve("node_modules/typescript/bin/tsc"), "--noEmit", "--strict", "--skipLibCheck", "false"];
  for (const module of [["nodenext"], ["esnext", "--moduleResolution", "bundler"]]) {
    const args = [...tsc, "--target", "es2023", "--types", "", "--module", ...module, "stripes.ts"];
    const checked = await run(process.execPath, ...args);
    assert.is(checked.code, 0, `${module.join(" ")}: ${checked.stdout}`);
  }
});

test.run();
