/** Lines at the top of the page: what is wrong, and which checkpoint is in use. */
import type { LiveInfo } from "../serve/protocol.ts";
import { byId, element, say } from "./element.ts";

export function showProblems(problems: readonly string[]): void {
  const shown = byId("problems");
  if (shown.dataset["text"] === problems.join("\n")) return; // read out once
  shown.dataset["text"] = problems.join("\n");
  shown.replaceChildren(...problems.map((problem) => element("p", { className: "wrong" }, problem)));
}

export function showState({ checkpoint, loading }: LiveInfo): void {
  if (checkpoint === null && loading !== null) {
    return say("state", `Loading the network: ${loading.doing}, ${Math.round(100 * loading.done)} %`);
  }
  if (checkpoint === null) return say("state", "No checkpoint is in use: the page waits for one");
  const { epoch, step } = checkpoint;
  say("state", epoch === null ? "" : `Checkpoint of epoch ${epoch}, step ${step!.toLocaleString("en-US")}`);
}
