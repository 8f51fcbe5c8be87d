/** `npm run isa`: what a real GPU's compiler makes of the kernels, without the GPU. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import process from "node:process";
import { type Arguments, CONFIG_DETAILS, SET_OPTION } from "../../cli/arguments.ts";
import { type Command, runCommand } from "../../cli/command.ts";
import { OP_OPTIONS } from "../../cli/select_ops.ts";
import { progressLine } from "../../cli/progress.ts";
import { UserError } from "../../core/host/errors.ts";
import { writeFile } from "../../core/host/files.ts";
import { print } from "../../core/host/process.ts";
import { didYouMean } from "../../core/kinds/nearest.ts";
import { type Compiled, compileFor } from "./candidates.ts";
import { innerLoop, readAssembly } from "./assembly.ts";
import { type Gpu, GPUS } from "./gpus.ts";
import { buildLayer, findDriver } from "./null_gpu.ts";
import { type Found, markdownTable } from "./markdown.ts";
import { LEGEND, table, tuningWords } from "./table.ts";

const isa: Command = {
  usage: {
    program: "npm run",
    command: "isa --",
    positionals: ["CONFIG?"],
    summary:
      "Compiles the kernels of a training step for AMD GPUs that need not be there, and tells what became of them.",
    details: `${CONFIG_DETAILS}\n\nGPUs: ${GPUS.map(({ family, card }) => `${family} (${card})`).join(", ")}.\n` +
      "Needs Linux, Mesa's RADV, a C compiler and Vulkan's headers (Debian: mesa-vulkan-drivers, gcc, libvulkan-dev).",
    options: [
      { name: "family", value: "NAMES", help: "GPUs, by commas; default: navi31" },
      ...OP_OPTIONS,
      { name: "defaults", value: null, help: "the default of each op alone, instead of all candidates" },
      { name: "top", value: "N", help: "rows of an op in the table; default: 6" },
      { name: "matrix", value: null, help: "offer matrix units too, for half precision (--set precision=f16)" },
      { name: "show", value: null, help: "print the inner loop of each op's default, as the driver compiled it" },
      { name: "markdown", value: "FILE", help: "write what the default and the best candidate of each op take" },
      { name: "json", value: "FILE", help: "write all that was found" },
      SET_OPTION,
    ],
  },
  run: isaCommand,
};

function gpusOf(args: Arguments): Gpu[] {
  return (args.text("family") ?? "navi31").split(",").map((name) => {
    const found = GPUS.find(({ family }) => family === name.trim());
    if (found !== undefined) return found;
    const all = GPUS.map(({ family }) => family);
    throw new UserError(`--family expects one of ${all.join(", ")}, got "${name}"${didYouMean(name, all)}`);
  });
}

async function isaCommand(args: Arguments): Promise<number> {
  const gpus = gpusOf(args), config = args.positional(0), conv = args.text("conv"), most = args.integer("top", 1) ?? 6;
  if ((config === null) === (conv === null)) throw new UserError("Give a CONFIG or --conv, one of them");
  const driver = findDriver();
  if (driver === null) {
    print("Skipped: Mesa's RADV is not here (Debian: package mesa-vulkan-drivers)");
    return 0;
  }
  const layer = `${tmpdir()}/allcnn-compile-only-${process.getuid?.() ?? 0}`, progress = progressLine();
  buildLayer(layer);
  const folder = mkdtempSync(`${tmpdir()}/allcnn-isa-`), found: Found[] = [];
  try {
    for (const gpu of gpus) {
      const job = {
        gpu,
        configs: config === null ? [] : [config],
        conv,
        settings: args.list("set"),
        only: args.text("only"),
      };
      const flags = { defaults: args.flag("defaults"), matrix: args.flag("matrix"), show: args.flag("show") };
      const report = await compileFor(
        { driver, layer },
        { ...job, ...flags },
        folder,
        (done) => progress.report(`Compiling for ${gpu.family}`, done),
      );
      const { card, family, generation: { name } } = gpu, { description, candidates } = report;
      progress.line(`${card} (${family}, ${name}), compiled by ${description}\n\n${table(candidates, most)}\n`);
      if (flags.show) candidates.filter(({ isDefault }) => isDefault).forEach(showLoops);
      found.push({ gpu, description, candidates: candidates.map(({ assembly: _, ...rest }) => rest) });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  print(LEGEND);
  const json = args.text("json"), markdown = args.text("markdown");
  if (markdown !== null) await writeFile(markdown, markdownTable(found));
  if (json !== null) await writeFile(json, `${JSON.stringify(found, null, 1)}\n`);
  return 0;
}

/** Prints the inner loops of a candidate's shaders. */
function showLoops({ op, tuning, assembly }: Compiled): void {
  assembly.forEach((text, index) => {
    const read = readAssembly(text), loop = innerLoop(read);
    if (loop === null) return;
    const lines = read.instructions.slice(loop.first, loop.last + 1).map(({ name, operands }) =>
      `  ${name}${operands}`
    );
    const rounds = loop.rounds === null ? "" : `, ${loop.rounds} rounds`;
    print(
      `// ${op}, ${tuningWords(tuning)}, shader ${index}: ${lines.length} instructions${rounds}\n${lines.join("\n")}\n`,
    );
  });
}

await runCommand(isa, process.argv.slice(2));
