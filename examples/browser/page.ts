/** The page of index.html: trains the quickstart on this device, shows how it goes, keeps the network in IndexedDB. */
import * as allcnn from "../../mod.ts";
import { drawErrors, type Point } from "./error_chart.ts";

const CLASSES = allcnn.classNames({ name: "shapes" });

const SAVED = "models/quickstart.safetensors";

/** Seconds to measure kernels before the first training on a GPU; on a CPU compiling them takes longer than they save. */
const SEARCH_SECONDS = 10;

const $ = <E extends HTMLElement>(id: string) => document.getElementById(id) as E;
const buttons = { train: $<HTMLButtonElement>("train"), evaluate: $<HTMLButtonElement>("evaluate") };
const stop = $<HTMLButtonElement>("stop"), progress = $<HTMLProgressElement>("progress");

function say(text: string, wrong = false): void {
  $("status").textContent = text;
  $("status").classList.toggle("wrong", wrong);
}

const percent = (value: number) => `${value.toFixed(2)}\u00a0%`;

/** Test images, under them their classes or, by its probabilities [count, classes], what the network takes them for. */
function showImages({ images, labels, count, shape: [height, width] }: allcnn.Dataset, predicted?: Float32Array) {
  const likeliest = (index: number) => {
    const row = predicted?.subarray(index * CLASSES.length, (index + 1) * CLASSES.length);
    return row?.indexOf(Math.max(...row)) ?? labels[index]!;
  };
  $("images").replaceChildren(...Array.from({ length: count }, (_, index) => {
    const figure = document.createElement("figure"), canvas = document.createElement("canvas");
    const caption = document.createElement("figcaption"), label = labels[index]!, found = likeliest(index);
    Object.assign(canvas, { width, height });
    const pixels = canvas.getContext("2d")!.createImageData(width, height);
    for (let i = 0; i < width * height; i++) {
      pixels.data.set([...images.subarray(3 * (index * width * height + i)).subarray(0, 3), 255], 4 * i);
    }
    canvas.getContext("2d")!.putImageData(pixels, 0, 0);
    caption.textContent = found === label ? CLASSES[label]! : `${CLASSES[found]}, in truth ${CLASSES[label]}`;
    caption.classList.toggle("miss", found !== label);
    figure.append(canvas, caption);
    return figure;
  }));
}

/** One row of the table. */
function showEpoch({ epoch, trainLoss, trainError, testLoss, testError }: allcnn.EpochMetrics): void {
  const row = document.createElement("tr");
  for (const text of [epoch, trainLoss.toFixed(4), percent(trainError), testLoss!.toFixed(4), percent(testError!)]) {
    row.append(Object.assign(document.createElement("td"), { textContent: `${text}` }));
  }
  $("rows").append(row);
}

async function start(): Promise<void> {
  const context = await allcnn.openDevice(), shown = allcnn.generateShapes(1, "test", 20);
  $("device").textContent = context.description;
  showImages(shown);
  const cache = await allcnn.openTuneCache(context.scope, (message) => console.warn(message));
  const text = await (await fetch("../../configs/quickstart.yaml")).text();
  let abort = new AbortController();

  const examples = (config: allcnn.Config, split: "train" | "test") =>
    allcnn.prepare(context, { config: config.dataset, directory: null }, split, null);

  const tuner = () =>
    context.limits.software ? allcnn.defaultTuner(context.limits) : allcnn.searchTuner(context, cache, {
      budgetSeconds: SEARCH_SECONDS,
      warn: (message) => console.warn(message),
      stop: () => abort.signal.aborted,
      onCandidate: () => say("Measuring kernels, once for this device"),
      onSearched: () => say("Compiling shaders"),
    });

  async function train(): Promise<void> {
    const count = $<HTMLSelectElement>("count").value;
    const config = allcnn.parseConfig(text, "quickstart.yaml", [`dataset.trainExamples=${count}`]);
    const epochs = config.training.epochs!, points: { train: Point[]; test: Point[] } = { train: [], test: [] };
    const draw = () => drawErrors($<HTMLCanvasElement>("chart"), epochs, points);
    $("rows").replaceChildren();
    $("course").hidden = false;
    draw();
    onresize = draw;
    say("Drawing the images");
    await new Promise((resolve) => setTimeout(resolve)); // lets the browser show it
    const data = await examples(config, "train"), validation = await examples(config, "test");
    say("Compiling shaders");
    const model = await allcnn.openModel(context, config, { tuner: tuner() });
    const rows = await allcnn.train(model, data, {
      ...config.training,
      validation,
      signal: abort.signal,
      onStatus({ epoch, step, steps, loss, error, imagesPerSecond, secondsLeft, evaluated }) {
        progress.value = (epoch - 1 + step / steps) / epochs;
        if (evaluated !== null) return say(`Epoch ${epoch} of ${epochs}, evaluating`);
        points.train.push({ x: epoch - 1 + step / steps, error });
        draw();
        say(
          `Epoch ${epoch} of ${epochs}, loss ${loss.toFixed(3)}, error ${percent(error)}, ` +
            `${Math.round(imagesPerSecond)} images/s, ${Math.ceil(secondsLeft)} s left`,
        );
      },
      async onEpoch(row) {
        progress.value = row.epoch / epochs;
        points.train.push({ x: row.epoch, error: row.trainError });
        points.test.push({ x: row.epoch, error: row.testError! });
        draw();
        showEpoch(row);
        await allcnn.saveModel(model, SAVED);
      },
    });
    if (abort.signal.aborted) await allcnn.saveModel(model, SAVED);
    showImages(shown, await allcnn.predict(model, await allcnn.preprocess(model, shown.images)));
    allcnn.closeModel(model);
    const last = rows.at(-1);
    if (abort.signal.aborted) say("Stopped; the network is saved as it is");
    else say(`Done: ${percent(last!.testError!)} of the test images are wrong; the network is saved`);
  }

  async function evaluate(): Promise<void> {
    say("Evaluating the saved network");
    const model = await allcnn.loadModel(context, SAVED), test = await examples(model.config!, "test");
    const { loss, error } = await allcnn.evaluate(model, test, {
      onBatch: (first) => progress.value = first / test.count,
    });
    showImages(shown, await allcnn.predict(model, await allcnn.preprocess(model, shown.images)));
    allcnn.closeModel(model);
    progress.value = 1;
    say(`The saved network: loss ${loss.toFixed(4)}, error ${percent(error)} on ${test.count} test images`);
  }

  /** Runs one of the two while the other buttons wait; what goes wrong is shown. */
  async function alone(work: () => Promise<void>): Promise<void> {
    abort = new AbortController();
    progress.value = 0;
    buttons.train.disabled = buttons.evaluate.disabled = true;
    stop.disabled = work !== train;
    try {
      await work();
    } catch (error) {
      say((error as Error).message, true);
    }
    stop.disabled = true;
    await ready();
  }

  const ready = async () => {
    buttons.train.disabled = false;
    buttons.evaluate.disabled = !await allcnn.exists(SAVED);
  };

  buttons.train.onclick = () => alone(train);
  buttons.evaluate.onclick = () => alone(evaluate);
  stop.onclick = () => {
    abort.abort();
    stop.disabled = true;
    say("Stopping after this step");
  };
  await ready();
}

start().catch((error: Error) => {
  $("device").textContent = "No device";
  say(error.message, true);
});
