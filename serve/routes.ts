/** What the server answers. */
import type { Config } from "../configs/schema.ts";
import { encode } from "../training/checkpoint.ts";
import { UserError } from "../core/host/errors.ts";
import { sha256 } from "../core/host/safetensors.ts";
import { absolutePath } from "../core/host/files.ts";
import { elements } from "../core/graph/tensor.ts";
import { METHODS } from "../explain/methods.ts";
import { infoLeaves, networkInfo } from "../explain/network_info.ts";
import { openPixels } from "../training/example_pixels.ts";
import { imageShape, inputShape } from "../data/datasets/mod.ts";
import { encodeWhitening } from "../data/whitening_file.ts";
import { definitionOf } from "../training/definition.ts";
import { getParams } from "../training/params.ts";
import type { Source } from "../training/preprocess.ts";
import { library } from "./library.ts";
import { liveModel, type Origin } from "./live_model.ts";
import { liveRun } from "./live_run.ts";
import { isStrided } from "../explain/pool_model.ts";
import { leavesOf } from "../layers/tree.ts";
import { type Look, look, type Selection, THREE_RULES, type Way, WAYS } from "./look.ts";
import { decodePicture, samplesOf } from "./pictures.ts";
import { type FirstLook, fromBase64, type LiveInfo, lookInfo, type RunInfo } from "./protocol.ts";
import { json, parameter, type Question, type Reply, type Route, type Routes, whole } from "./route.ts";
import { progressLines, type Work } from "./progress_lines.ts";
import { timeline } from "./timeline.ts";
import { unitSearch } from "./top_units.ts";

/** What is served. */
export interface Subject extends Origin {
  /** The folder of the run, or null for a checkpoint alone. */
  readonly folder: string | null;
  readonly classes: readonly string[];
  /** Most test images that are searched for top patches. */
  readonly examples: number;
  /** What these are, in words. */
  readonly searched: string;
  /** The files of the page by path. */
  readonly files: ReadonlyMap<string, Reply>;
  /** Is the page written as files, to be opened without a server? */
  readonly asFiles: boolean;
  /** Hears of what is wrong with single images. */
  readonly line: (message: string) => void;
}

/** Most bytes of a picture that is sent. */
const PICTURE_BYTES = 64 << 20;

/** Images of the data set to begin with. */
export const SAMPLES = 10;

const bytesOf = (body: Uint8Array<ArrayBuffer>): Reply => ({ type: "application/octet-stream", body });

export function routesOf(subject: Subject): Routes {
  const { config, folder, path, classes, context, files, line } = subject;
  const live = liveModel(subject), images = imageShape(config.dataset), info = runInfo(subject);
  const source = once(async () => limited(await subject.source(), subject.examples));
  const pixels = once(async () => await openPixels(await source(), "test"));
  const id = once(() => sha256(new TextEncoder().encode(JSON.stringify([absolutePath(path), config, info]))));
  const search = unitSearch(live, source, pixels, line);
  let first: { readonly version: string; readonly look: Promise<Look> } | null = null;

  const get = (answer: Route["answer"]): Route => ({ method: "GET", bytes: 0, answer });
  const post = (bytes: number, answer: Route["answer"]): Route => ({ method: "POST", bytes, answer });
  const long = <T>({ gone }: Question, work: Work<T>): Promise<Reply> =>
    Promise.resolve({ type: "application/x-ndjson", body: progressLines(work, gone) });

  const layerOf = ({ query }: Question) => parameter(query, "layer");

  async function liveInfo(): Promise<LiveInfo> {
    const { info, problem, loading } = await live.look();
    const none = { rows: [], epochs: null, state: "none", kept: [], problems: [] } as const;
    const run = folder === null ? none : await liveRun(folder, config);
    return {
      ...run,
      run: await id(),
      checkpoint: info,
      loading,
      problems: [...problem === null ? [] : [problem], ...run.problems],
    };
  }

  /** The parameters alone, in the form in which a browser's `loadModel` reads them. */
  const checkpoint = () =>
    live.use(async ({ model }) => {
      const { scope } = context, tensors = await getParams(model), rest = { progress: null, microBatch: null };
      const whitening = model.whitening === null ? null : await sha256(await encodeWhitening(model.whitening));
      return bytesOf(await encode({ config, ...rest, tunings: {}, scope, shaders: "", whitening, tensors }));
    });

  const whitening = () =>
    live.use(async ({ model }) => {
      if (model.whitening === null) throw new UserError(`"${path}" does not whiten its images`);
      return bytesOf(await encodeWhitening(model.whitening));
    });

  /** The selection of a question about an image. */
  function selectionOf({ query, body }: Question): Selection {
    const text = parameter(query, "unit"), unit = text === "top" ? "top" : whole(text, "unit");
    if (body.length !== elements(images)) {
      throw new UserError(`Cannot look at ${body.length} bytes: the network's images have ${elements(images)}`);
    }
    const layer = parameter(query, "layer"), named = parameter(query, "way"), way = WAYS.find((each) => each === named);
    if (way === undefined) throw new UserError(`There is no way "${named}": expected ${WAYS.join(", ")}`);
    return { ...{ layer, unit, way, method: query.get("method") ?? THREE_RULES, maps: query.get("maps") === "true" } };
  }

  async function lookAt(question: Question): Promise<Reply> {
    const selection = selectionOf(question);
    return json(lookInfo(await live.use(({ model }) => look(library, model, question.body, selection))));
  }

  const samples = once(async () => await samplesOf(await pixels(), Math.min(SAMPLES, classes.length)));

  /** Kept: whoever opens the page does not wait for what every visitor sees first. */
  const firstLook = () =>
    live.use(async ({ model, info: { version } }) => {
      const [sample] = await samples(), layer = info.layers.at(-1)!.name, way = info.ways[0]!;
      if (sample === undefined) throw new UserError("There is no image to look at first");
      first = first?.version === version ? first : {
        version,
        look: look(library, model, fromBase64(sample.pixels), {
          ...{ layer, way, unit: "top", method: THREE_RULES, maps: false },
        }),
      };
      const answer: FirstLook = { version, look: lookInfo(await first.look) };
      return json(answer);
    });

  return new Map<string, Route>([
    ...Array.from(files, ([path, file]) => [path, get(() => Promise.resolve(file))] as const),
    ["/api/run", get(() => Promise.resolve(json(info)))],
    ["/api/live", get(async () => json(await liveInfo()))],
    ["/api/checkpoint", get(checkpoint)],
    ["/api/whitening", get(whitening)],
    ["/api/samples", get(async () => json(await samples()))],
    [
      "/api/picture",
      post(PICTURE_BYTES, async ({ query, body }) => json(await decodePicture(body, parameter(query, "name"), config))),
    ],
    ["/api/first", get(firstLook)],
    ["/api/look", post(elements(images), lookAt)],
    [
      "/api/timeline",
      post(elements(images), (question) => {
        const selection = selectionOf(question);
        return long(question, (...progress) => timeline(subject, live, question.body, selection, ...progress));
      }),
    ],
    [
      "/api/units",
      post(0, (question) => long(question, (...progress) => search.units(layerOf(question), ...progress))),
    ],
    [
      "/api/patches",
      post(0, (question) => {
        const unit = whole(parameter(question.query, "unit"), "unit");
        return long(question, (...progress) => search.patches(layerOf(question), unit, ...progress));
      }),
    ],
  ]);
}

function runInfo({ config, path, classes, context, examples, searched, asFiles }: Subject): RunInfo {
  return {
    name: config.name,
    path,
    device: asFiles ? null : context.description,
    images: imageShape(config.dataset),
    input: inputShape(config.dataset),
    classes,
    layers: infoLeaves(networkInfo(config)),
    ways: waysOf(config),
    methods: METHODS.map(({ key, about }) => ({ key, about })),
    examples,
    searched,
  };
}

/** The ways that differ for a network: those of pooling where it pools, and where it strides that of pooled strides. */
function waysOf(config: Config): Way[] {
  const layers = leavesOf(definitionOf(config).network);
  return [
    "switches",
    ...layers.some(({ switches }) => switches) ? ["no switches"] as const : [],
    ...layers.some(isStrided) ? ["pooled strides"] as const : [],
  ];
}

/** The source with at most `examples` test images. */
function limited(source: Source, examples: number): Source {
  const { config } = source;
  return { ...source, config: { ...config, testExamples: Math.min(examples, config.testExamples ?? Infinity) } };
}

/** Makes a value when it is first wanted, and again only after a failure. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null;
  return () => {
    made ??= make().catch((error) => {
      made = null;
      throw error;
    });
    return made;
  };
}
