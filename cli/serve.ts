/** `allcnn serve`: a page to explore a run, on this machine alone. */
import { loadConfig, parseConfig } from "../configs/load.ts";
import type { Config } from "../configs/schema.ts";
import { select } from "../training/checkpoint.ts";
import { UserError } from "../core/host/errors.ts";
import { onInterrupt } from "../core/host/process.ts";
import { exists, isDirectory, readText } from "../core/host/files.ts";
import { cachedTuner } from "../core/tune/tune.ts";
import { openTuneCache } from "../core/tune/tune_cache.ts";
import { listen } from "../serve/listen.ts";
import { builtFolder, readPageFiles } from "../serve/page_files.ts";
import { noQuestion } from "../serve/route.ts";
import { routesOf, SAMPLES } from "../serve/routes.ts";
import { specsOf } from "../training/definition.ts";
import { openDefined } from "../training/model_file.ts";
import type { Source } from "../training/preprocess.ts";
import type { Arguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import { dataFolder } from "./data_folder.ts";
import { classesOf, keptClasses, TRAINED_OPTIONS } from "./open_trained.ts";
import { type ProgressLine, progressLine } from "./progress.ts";
import { orSamples } from "./sample_pictures.ts";
import { openDeviceFor } from "./tuning_options.ts";
import { OPTION_WORDS } from "./words.ts";
import { writeSite } from "./write_site.ts";

export const serve: Command = {
  goesOn: true,
  usage: {
    command: "serve",
    positionals: ["RUN_OR_CHECKPOINT?"],
    otherwise: "demo",
    summary: "Serves a page to explore a network and its training.",
    details:
      "The page shows the network, its learning curves while it trains, what its units respond to, and what it makes of\n" +
      "an image that is dropped on it. It is there for this machine's own browsers alone. Ctrl-C ends it.",
    options: [
      { name: "port", value: "N", help: "default: 8080; 0 takes any free one" },
      {
        name: "examples",
        value: "N",
        help: "search the first N test images for what units respond to; default: 2000, 500 on a software adapter",
      },
      {
        name: "site",
        value: "DIR",
        help: "write the page as files into DIR instead: the visitor's browser computes all",
      },
      ...TRAINED_OPTIONS,
    ],
  },
  run: serveCommand,
};

const DEFAULT_PORT = 8080, LAST_PORT = 65535;
const EXAMPLES = 2000, SOFTWARE_EXAMPLES = 500;

async function serveCommand(args: Arguments): Promise<number> {
  const screen = progressLine(), path = args.positional(0)!, { report, line } = screen;
  const port = args.integer("port", 0) ?? DEFAULT_PORT;
  if (port > LAST_PORT) throw new UserError(`--port expects a whole number from 0 to ${LAST_PORT}, got "${port}"`);
  const examples = args.integer("examples", 1), files = await readPageFiles(builtFolder());
  const folder = await isDirectory(path) ? path : null, config = await configFor(args, path, line);
  const classes = await classesOf(path, config), context = await openDeviceFor(args);
  line(`Device: ${context.description}`);
  const data = await dataOf(args, config, screen);
  const site = args.text("site");
  const routes = routesOf({
    context,
    tuner: cachedTuner(context, await openTuneCache(context.scope, line), line),
    path,
    folder,
    config,
    classes,
    source: () => data instanceof UserError ? Promise.reject(data) : Promise.resolve(data),
    examples: site !== null ? SAMPLES : examples ?? (context.limits.software ? SOFTWARE_EXAMPLES : EXAMPLES),
    asFiles: site !== null,
    searched: data instanceof UserError || data.samples === undefined ? "test images" : "sample pictures",
    files,
    report,
    line,
  });
  if (site !== null) {
    await writeSite(routes, site);
    context.close();
    line(`Wrote ${site}: any server of files can show it, as npx http-server ${site}`);
    return 0;
  }
  const { url, close } = await listen(routes, port, screen.error);
  // What everybody sees first is there when somebody comes; the page says what is wrong with it.
  void routes.get("/api/first")!.answer(noQuestion()).catch(() => {});
  const interrupted = new Promise<void>((resolve) => onInterrupt(resolve));
  screen.result(`Open ${url} in a browser on this machine; Ctrl-C ends the server`);
  const lost = await Promise.race([interrupted.then(() => false), context.device.lost.then(() => true)]);
  await close();
  try {
    if (lost) context.check(); // throws the line that says why
  } finally {
    context.close();
  }
  line("Stopped");
  return 0;
}

/** The data set, obtained before anybody opens the page; without it, the page says why where it is needed. */
async function dataOf(args: Arguments, config: Config, screen: ProgressLine): Promise<Source | UserError> {
  try {
    const { dataset } = config, classes = await keptClasses(args.positional(0)!, dataset);
    return await orSamples(args, dataset, screen, async () => ({
      config: dataset,
      directory: await dataFolder(args, dataset, screen),
      classes,
    }));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    screen.line(`${error.inWords(OPTION_WORDS)}; the page has no images of the data set`);
    return error;
  }
}

/**
 * The config that is named, else the run's, else the checkpoint's. What is wrong with the checkpoint of a run is told on
 * the page: a training may mend it. Throws `UserError` where a checkpoint alone is damaged, or of another network.
 */
async function configFor(args: Arguments, path: string, line: (message: string) => void): Promise<Config> {
  const named = args.text("config"), given = named === null ? null : await loadConfig(named);
  const own = `${path}/config.yaml`;
  if (await exists(own)) return given ?? parseConfig(await readText(own), own);
  const { checkpoint, definition } = await openDefined(path, given, line);
  select(checkpoint, specsOf(definition).saved, path);
  return definition;
}
