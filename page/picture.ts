/** Ways to give the page an image: drop it, paste it, choose a file, or take one of the data set. */
import { fromBase64, type PictureInfo, type RunInfo } from "../serve/protocol.ts";
import { getJson, postJson } from "./api.ts";
import { useCamera } from "./camera.ts";
import { type Choice, choiceOf } from "./choice.ts";
import { decodeHere } from "./decode_here.ts";
import { pixelCanvas } from "./draw.ts";
import { byId, element, messageOf, say } from "./element.ts";

/** An image as the network takes it, and a line that says what became of the file. */
export interface Given {
  readonly pixels: Uint8Array<ArrayBuffer>;
  readonly note: string;
  /** Which of the samples it is, or null. */
  readonly sample: number | null;
}

/** The images that one can take by their number. */
export interface Samples {
  readonly count: number;
  /** Gives the page one of them. */
  take(index: number): void;
}

/** `taken` gets each image that is given; `busy` tells whether the one before is still being explained. */
export async function takePictures(
  run: RunInfo,
  taken: (given: Given) => void,
  busy: () => boolean,
): Promise<Samples> {
  let samples: Choice | null = null;
  const camera = useCamera(run, (pixels) => {
    samples?.mark(-1);
    taken({ pixels, note: "What the camera sees", sample: null });
  }, busy);
  const fromFiles = async (files: FileList | undefined) => {
    const [file] = files ?? [];
    if (file === undefined) return say("image-status", "That is no file: drop or paste an image", true);
    camera.end();
    const name = file.name || "the image";
    say("image-status", `Reading ${name}`);
    try {
      const picture = run.device === null
        ? await decodeHere(file, file.name, run)
        : await postJson<PictureInfo>("api/picture", { name }, file);
      samples?.mark(-1);
      taken({ pixels: fromBase64(picture.pixels), note: noteOf(name, picture, run), sample: null });
    } catch (error) {
      say("image-status", messageOf(error), true);
    }
  };
  listen((files) => void fromFiles(files));
  const given = await samplesOf(run);
  const buttons = given.map(({ pixels, name }) =>
    element("button", { className: "thumb", title: name }, pixelCanvas({ ...sizeOf(run), pixels }, name))
  );
  const takeSample = (index: number) => {
    const { pixels, name } = given[index]!;
    camera.end();
    taken({ pixels, note: `A ${run.searched.replace(/s$/, "")} of the class ${name}`, sample: index });
  };
  if (buttons.length > 0) samples = choiceOf(byId("samples"), buttons, takeSample);
  return {
    count: given.length,
    take(index) {
      samples?.mark(index);
      takeSample(index);
    },
  };
}

const sizeOf = ({ images: [height, width] }: RunInfo) => ({ height, width });

function noteOf(name: string, { from }: PictureInfo, { images: [height, width] }: RunInfo): string {
  if (from === null || (from[0] === height && from[1] === width)) return name;
  return `${name}: its ${from[1]}x${from[0]} pixels were scaled and cut to ${width}x${height}`;
}

function listen(give: (files: FileList | undefined) => void): void {
  const input = byId<HTMLInputElement>("file"), drop = byId("drop");
  byId("choose").onclick = () => input.click();
  input.onchange = () => {
    if (input.files?.length !== 0) give(input.files ?? undefined);
    input.value = ""; // so that the same file can be chosen again
  };
  document.addEventListener("paste", ({ clipboardData }) => {
    if (clipboardData !== null && clipboardData.files.length > 0) give(clipboardData.files);
  });
  // Anywhere on the page: a file dropped beside the field would replace the page.
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  document.addEventListener("dragleave", ({ relatedTarget }) => {
    if (relatedTarget === null) drop.classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    give(event.dataTransfer?.files);
  });
}

/** Images of the data set; without them, a line says why. */
async function samplesOf({ classes }: RunInfo) {
  try {
    const samples = await getJson<readonly PictureInfo[]>("api/samples");
    return samples.map(({ pixels, label }) => ({ pixels: fromBase64(pixels), name: classes[label!]! }));
  } catch (error) {
    byId("samples").replaceChildren(element("span", { className: "quiet" }, `No samples: ${messageOf(error)}`));
    return [];
  }
}
