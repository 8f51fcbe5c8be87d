/** The driver: `npm run peers -- [options]`. Progress goes to standard error, the table to standard output. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { Arguments } from "../../cli/arguments.ts";
import { type Command, runCommand } from "../../cli/command.ts";
import { loadConfig } from "../../configs/load.ts";
import { UserError } from "../../core/host/errors.ts";
import { exit, onInterrupt, print, printError, programArguments } from "../../core/host/process.ts";
import { writeFile } from "../../core/host/files.ts";
import { compare } from "./compare.ts";
import { killPeers } from "./process.ts";
import { beside, findPeers, PEER_NAMES } from "./peers.ts";
import { judge, markdown } from "./table.ts";
import { checkNetwork } from "./layers.ts";
import { writeWork } from "./work.ts";

async function runPeers(args: Arguments): Promise<number> {
  const file = args.text("config") ?? beside("allcnn-c.yaml"), batch = args.integer("batch", 1) ?? 32;
  const options = {
    rounds: args.integer("rounds", 1) ?? 3,
    steps: args.integer("steps", 1) ?? 5,
    warmup: args.integer("warmup", 0) ?? 1,
    timeout: args.integer("timeout", 1) ?? 600,
    progress: printError,
  };
  const only = (args.text("only")?.split(",") ?? []).map((name) => name.trim());
  const unknown = only.find((name) => !PEER_NAMES.some((known) => name.startsWith(known)));
  if (unknown !== undefined) {
    throw new UserError(`--only expects names that begin with ${PEER_NAMES.join(", ")}, got "${unknown}"`);
  }
  const config = await loadConfig(file, [`training.batch=${batch}`]);
  checkNetwork(config);
  const folder = mkdtempSync(join(tmpdir(), "allcnn-peers-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  let interrupts = 0;
  onInterrupt(() => {
    if (++interrupts > 1) exit(130);
    printError("Stopping; once more leaves without a table");
    killPeers();
  });
  const peers = await findPeers({ only, python: args.text("python") ?? "python3", timeout: options.timeout });
  const rows = judge(
    await compare(peers, await writeWork(config, folder), { ...options, folder, stopped: () => interrupts > 0 }),
  );
  const { rounds, steps, warmup } = options, reference = rows[0]?.name ?? "no peer";
  print(
    `Training step of ${config.name}, batch ${batch}: median images/s of ${rounds} rounds of ${steps} steps in turns, ` +
      `${warmup} untimed before each. The ratio says how many times as fast ${reference} is. The first step includes ` +
      "compilation, with empty caches.\n",
  );
  print(markdown(rows));
  const devices = rows.flatMap(({ name, started }) => started === null ? [] : [`- ${name}: ${started.device}`]);
  print(`\n${devices.join("\n")}`);
  const json = args.text("json"), date = new Date().toISOString();
  const result = { config: config.name, batch, rounds, steps, warmup, date, node: process.version, peers: rows };
  if (json !== null) await writeFile(json, `${JSON.stringify(result, null, 2)}\n`);
  return interrupts > 0 ? 130 : 0;
}

const command: Command = {
  usage: {
    program: "npm run",
    command: "peers --",
    positionals: [],
    summary: "Times the same training step in this project and in other frameworks, in turns, on this machine.",
    options: [
      { name: "batch", value: "N", help: "examples per step; default: 32" },
      { name: "rounds", value: "N", help: "turns that each peer gets; default: 3" },
      { name: "steps", value: "N", help: "timed steps of a turn; default: 5" },
      { name: "warmup", value: "N", help: "untimed steps before them; default: 1" },
      { name: "only", value: "NAMES", help: `of ${PEER_NAMES.join(", ")}, with commas, or a variant as "torch fp32"` },
      { name: "timeout", value: "SECONDS", help: "for one answer of a peer; default: 600" },
      { name: "config", value: "FILE", help: "another network than All-CNN-C" },
      { name: "python", value: "FILE", help: "the Python that has PyTorch; default: python3" },
      { name: "json", value: "FILE", help: "write the figures of all rounds as JSON" },
    ],
  },
  run: runPeers,
};

await runCommand(command, programArguments());
