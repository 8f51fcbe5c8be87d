/** The driver: `npm run peers -- [options]`. Progress goes to standard error, the table to standard output. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Arguments } from "../../cli/arguments.ts";
import { type Command, runCommand } from "../../cli/command.ts";
import { loadConfig } from "../../configs/load.ts";
import { UserError } from "../../core/errors.ts";
import { print, printError, programArguments } from "../../core/runtime.ts";
import { writeFile } from "../../core/storage.ts";
import { compare } from "./compare.ts";
import { beside, findPeers, PEER_NAMES } from "./peers.ts";
import { judge, markdown } from "./table.ts";
import { checkNetwork, writeWork } from "./work.ts";

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
  const folder = await mkdtemp(join(tmpdir(), "allcnn-peers-"));
  try {
    const peers = await findPeers({ only, python: args.text("python") ?? "python3", timeout: options.timeout });
    const rows = judge(await compare(peers, await writeWork(config, folder), { ...options, folder }));
    const { rounds, steps, warmup } = options;
    print(
      `\nTraining step of ${config.name}, batch ${batch}: median of ${rounds} rounds of ${steps} steps in turns, ` +
        `${warmup} untimed before each. Ratio: images/s of ${rows[0]?.name ?? "none"} divided by those of the peer.\n`,
    );
    print(markdown(rows));
    const devices = new Map(rows.flatMap(({ name, started }) => started === null ? [] : [[name, started.device]]));
    print(`\n${[...devices].map(([name, device]) => `- ${name}: ${device}`).join("\n")}`);
    const json = args.text("json");
    const result = { config: config.name, batch, rounds, steps, warmup, peers: rows };
    if (json !== null) await writeFile(json, `${JSON.stringify(result, null, 2)}\n`);
    return 0;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
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
