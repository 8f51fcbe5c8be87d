/** What a bundle brings of this project: the program and the tests of a GPU in one file each, Dawn, configs, scripts. */
import { build } from "esbuild";
import { cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { bundlePeers } from "../bench/peers/bundle.ts";
import { PACKAGE_FILES } from "../report/png.ts";
import { licenseFiles, packageOf } from "./licenses.ts";

/** Dawn's package: native code, so it stays beside the program instead of inside. */
const DAWN = ["webgpu/index.js", "webgpu/dist/linux-x64/dawn.node"];
/** The packages of the benchmark's peers, which are installed apart. */
const PEERS_MODULES = "bench/peers/node_modules";

/** Fills `folder` with `program/`, `configs/` and `bench/`; returns the names of the benchmark's peers that are in. */
export async function stageProgram(folder: string): Promise<string[]> {
  const program = join(folder, "program");
  mkdirSync(program, { recursive: true });
  writeFileSync(join(program, "package.json"), '{ "type": "module" }\n');
  const inputs = [
    ...await bundle(["allcnn.ts"], join(program, "allcnn.js")),
    ...await bundle(["scripts/doctor.ts"], join(program, "doctor.js")),
    ...await bundleTests(join(program, "check.js")),
  ];
  const files = [...DAWN, ...Object.values(PACKAGE_FILES)];
  for (const file of files) copy(`node_modules/${file}`, join(program, "node_modules", file));
  const packages = new Set([...inputs, ...files.map((file) => `node_modules/${file}`)].map(packageOf));
  packages.delete(null);
  for (const name of packages) copyLicense("node_modules", name!, program);
  for (const name of new Set(files.map((file) => packageOf(`node_modules/${file}`)!))) {
    copy(`node_modules/${name}/package.json`, join(program, "node_modules", name, "package.json"));
  }
  copy("LICENSE", join(program, "LICENSE"));
  for (const name of readdirSync("configs").filter((name) => /\.(yaml|json)$/.test(name))) {
    copy(`configs/${name}`, join(folder, "configs", name));
  }
  copy("models/demo.safetensors", join(folder, "models/demo.safetensors"));
  copy("bench/gpu.sh", join(folder, "bench/gpu.sh"));
  const installed = await bundlePeers(join(program, "peers"));
  for (const name of installedPackages(PEERS_MODULES)) copyLicense(PEERS_MODULES, name, program);
  return ["allcnn", ...installed, "torch"];
}

/**
 * Bundles for Node, npm packages included but Dawn, and sharp, which only `predict` needs and a bundle, made to measure,
 * does not bring; returns the paths of what went in.
 */
async function bundle(entry: readonly string[] | string, outfile: string): Promise<string[]> {
  const { metafile } = await build({
    ...(typeof entry === "string" ? { stdin: { contents: entry, resolveDir: "." } } : { entryPoints: [...entry] }),
    outfile,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    external: ["webgpu", "sharp"],
    metafile: true,
    logLevel: "warning",
    // Packages in the older module format call `require` for Node's own modules.
    banner: { js: 'import { createRequire } from "node:module";\nconst require = createRequire(import.meta.url);' },
  });
  return Object.keys(metafile.inputs);
}

/** Of training, the tests whose results depend on the GPU: skipped updates, and what is resumed byte by byte. */
const TRAINING_TESTS = ["training/fit_test.ts", "training/mixed_test.ts"];

/** The tests of the kernels and of training, each file loaded when the runner asks for it. */
async function bundleTests(outfile: string): Promise<string[]> {
  const kernels = readdirSync("tests/kernels").filter((name) => name.endsWith("_test.ts")).sort();
  const suites = [...kernels.map((name) => `kernels/${name}`), ...TRAINING_TESTS].map((name) =>
    `{ name: "${name}", load: () => import(${JSON.stringify(`./tests/${name}`)}) },`
  );
  const entry = `import { runPacked } from "./tests/packed.ts";\nawait runPacked([\n${suites.join("\n")}\n]);\n`;
  return await bundle(entry, outfile);
}

/** Names of the packages in a folder node_modules, which may be missing. */
function installedPackages(modules: string): string[] {
  const names = existsSync(modules) ? readdirSync(modules).filter((name) => !name.startsWith(".")) : [];
  return names.flatMap((name) =>
    name.startsWith("@") ? readdirSync(join(modules, name)).map((inner) => `${name}/${inner}`) : [name]
  );
}

function copyLicense(modules: string, name: string, program: string): void {
  for (const file of licenseFiles(join(modules, name))) {
    copy(file, join(program, "licenses", name.replace("/", "-"), basename(file)));
  }
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to);
}
