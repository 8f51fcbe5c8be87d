/** The camera as a row of images: the next is taken once the one before is explained. The browser scales them. */
import type { RunInfo } from "../serve/protocol.ts";
import { fromBase64 } from "../serve/protocol.ts";
import { decodeHere } from "./decode_here.ts";
import { byId, messageOf, pause, say } from "./element.ts";

/** Milliseconds between two frames at least. */
const FRAME = 100;

/** What the names of a browser's errors mean to people. */
const REASONS: Readonly<Record<string, string>> = {
  NotAllowedError: "it was refused; allow it for this page in the browser's settings",
  NotFoundError: "there is none",
  NotReadableError: "another program uses it",
};

/** `take` gets each image; `busy` tells whether the one before is still being explained. Ends at an image from elsewhere. */
export function useCamera(
  run: RunInfo,
  take: (pixels: Uint8Array<ArrayBuffer>) => void,
  busy: () => boolean,
): { readonly end: () => void } {
  const button = byId<HTMLButtonElement>("camera"), video = document.createElement("video");
  let stream: MediaStream | null = null, starts = 0;

  function end(): void {
    starts++;
    stream?.getTracks().forEach((track) => track.stop());
    stream = null;
    button.textContent = "use the camera";
  }

  async function start(): Promise<void> {
    if (navigator.mediaDevices === undefined) throw new Error("it needs a page from https or localhost");
    say("image-status", "Waiting for the camera");
    const mine = ++starts;
    const size = { ideal: 640 }, own = await navigator.mediaDevices.getUserMedia({ video: { width: size } });
    button.disabled = false;
    if (starts !== mine) return own.getTracks().forEach((track) => track.stop()); // another picture came meanwhile
    stream = own;
    button.textContent = "end the camera";
    video.srcObject = own;
    video.muted = true;
    await video.play();
    while (stream === own && own.active) {
      if (!busy()) {
        const { pixels } = await decodeHere(video, "the camera", run);
        if (stream === own) take(fromBase64(pixels));
      }
      await pause(FRAME);
    }
    if (stream === own) end(); // pulled out
  }

  button.onclick = () => {
    if (stream !== null) return end();
    button.disabled = true;
    const before = starts;
    start().catch((error) => {
      button.disabled = false;
      if (starts > before + 1) return; // ended in between
      end();
      say("image-status", `Cannot use the camera: ${REASONS[(error as Error).name] ?? messageOf(error)}`, true);
    });
  };
  return { end };
}
