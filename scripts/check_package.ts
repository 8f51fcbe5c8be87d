/**
 * `npm run check:package`: what others check of a package before they use it, on the tarball that would be published:
 * publint, "are the types wrong", and the declarations in compilers old and new, without what is optional. It downloads
 * these tools.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

/** The oldest compiler that is promised, the last one without WebGPU of its own, and today's. */
const COMPILERS = ["5.4.5", "5.9.3", "7.0.2"];

const USE = `import { conv, openDevice, openModel, predict, sequential, type Context } from "allcnn";
import { convForward } from "allcnn/kernels";
await using closed = { [Symbol.asyncDispose]: async () => {} };
const device: Context = await openDevice();
const network = sequential("network", [conv("conv1", { channels: 3, kernel: 1 })]);
const model = await openModel(device, { network, input: [1, 1, 1] });
const probabilities: Float32Array = await predict(model, new Float32Array(1));
console.log(closed, probabilities, convForward.name, device.device.limits.maxBufferSize);
`;

const RESOLVERS = [{ module: "nodenext", moduleResolution: "nodenext" }, {
  module: "esnext",
  moduleResolution: "bundler",
}];

function run(cwd: string, program: string, ...args: readonly string[]): void {
  console.log(`$ ${program} ${args.join(" ")}`);
  execFileSync(program, args, { cwd, stdio: "inherit" });
}

const folder = mkdtempSync(join(tmpdir(), "allcnn-check-"));
try {
  run(".", "npm", "pack", "--silent", "--pack-destination", folder);
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"))!;
  run(folder, "npx", "--yes", "publint@0.3.25", "--strict", tarball);
  // Modules only, as Node 20.10 takes them.
  run(folder, "npx", "--yes", "@arethetypeswrong/cli@0.18.5", tarball, "--profile", "esm-only");
  writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }\n');
  writeFileSync(join(folder, "use.ts"), USE);
  run(folder, "npm", "install", "--no-audit", "--no-fund", "--omit=optional", `./${tarball}`);
  for (const version of COMPILERS) {
    for (const resolver of RESOLVERS) {
      const compilerOptions = {
        ...{ noEmit: true, strict: true, skipLibCheck: false, types: [] },
        ...{ target: "es2022", lib: ["es2023", "dom"], ...resolver },
      };
      writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["use.ts"] }));
      run(folder, "npx", "--yes", "--package", `typescript@${version}`, "tsc");
    }
  }
  console.log("The package passes");
} catch (error) {
  if ((error as { status?: number }).status === undefined) throw error;
  process.exitCode = 1; // the tool has said why
} finally {
  rmSync(folder, { recursive: true, force: true });
}
