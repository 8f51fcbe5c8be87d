/** A headless Chromium that shows a page, driven through the DevTools protocol over two pipes. */
import { spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { CHROMIUM, FLAGS, removed, stopped } from "./_chromium.ts";

export interface Tab {
  /** What an expression, or the promise that it is, comes to, as JSON carries it. Throws where it throws. */
  evaluate<T>(expression: string): Promise<T>;
  /** Waits until an expression is true. */
  until(expression: string, seconds?: number): Promise<void>;
  /** Sends a command of the protocol to the tab. */
  send(method: string, params?: object): Promise<Record<string, unknown>>;
  /** Addresses of all requests so far. */
  readonly requests: readonly string[];
  /** Errors of the console and uncaught exceptions so far. */
  readonly errors: readonly string[];
  close(): Promise<void>;
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, never>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

/** Opens `url`. The browser runs at a low priority, and ends with `close`. */
export async function openTab(url: string): Promise<Tab> {
  const profile = mkdtempSync(join(tmpdir(), "allcnn-chromium-"));
  const args = [...FLAGS, "--remote-debugging-pipe", `--user-data-dir=${profile}`, "about:blank"];
  const child = spawn("nice", ["-n", "10", CHROMIUM!, ...args], {
    stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
    detached: true,
  });
  const [, , , input, output] = child.stdio as unknown as [null, null, null, Writable, Readable];
  const waiting = new Map<number, (message: Message) => void>(), requests: string[] = [], errors: string[] = [];
  let last = 0, session: string | null = null, rest = "";

  const heard = (message: Message) => {
    if (message.id !== undefined) return waiting.get(message.id)?.(message);
    const params = message.params as Record<string, Record<string, unknown>> | undefined;
    if (message.method === "Network.requestWillBeSent") requests.push(String(params!["request"]!["url"]));
    if (message.method === "Runtime.exceptionThrown") errors.push(JSON.stringify(params!["exceptionDetails"]));
    if (message.method === "Log.entryAdded" && params!["entry"]!["level"] === "error") {
      errors.push(JSON.stringify(params!["entry"]));
    }
    if (message.method === "Runtime.consoleAPICalled" && String(params!["type"]) === "error") {
      errors.push(JSON.stringify(params!["args"]));
    }
  };
  output.setEncoding("utf8").on("data", (text: string) => {
    const messages = (rest + text).split("\0");
    rest = messages.pop()!;
    for (const message of messages) heard(JSON.parse(message));
  });
  const end = (error: Error) => waiting.forEach((settle) => settle({ error }));
  child.on("error", end);
  child.on("exit", (code) => end(new Error(`Chromium ended with code ${code}`)));

  const send = async (method: string, params: object = {}) => {
    const id = ++last, sessionId = session === null ? {} : { sessionId: session };
    const { error, result } = await new Promise<Message>((resolve) => {
      waiting.set(id, resolve);
      input.write(`${JSON.stringify({ id, method, params, ...sessionId })}\0`);
    });
    waiting.delete(id);
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result!;
  };

  const evaluate = async <T>(expression: string) => {
    const { result, exceptionDetails } = await send("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
    }) as { result: { value: T }; exceptionDetails?: { exception?: { description?: string } } };
    if (exceptionDetails !== undefined) throw new Error(`In the page: ${exceptionDetails.exception?.description}`);
    return result.value;
  };

  const close = async () => {
    await stopped(child);
    await removed(profile);
  };

  try {
    const { targetInfos } = await send("Target.getTargets") as { targetInfos: { type: string; targetId: string }[] };
    const { targetId } = targetInfos.find(({ type }) => type === "page")!;
    const attached = await send("Target.attachToTarget", { targetId, flatten: true });
    session = attached["sessionId"] as string;
    for (const domain of ["Network", "Runtime", "Log", "Page"]) await send(`${domain}.enable`);
    await send("Page.navigate", { url });
  } catch (error) {
    await close();
    throw error;
  }
  return {
    evaluate,
    send,
    requests,
    errors,
    close,
    async until(expression, seconds = 120) {
      const limit = performance.now() + 1000 * seconds;
      // While a page loads, what is asked for may not be there at all.
      while (!await evaluate<boolean>(`(() => { try { return Boolean(${expression}); } catch { return false; } })()`)) {
        if (performance.now() > limit) {
          const text = await evaluate<string>("document.body.innerText");
          throw new Error(`Not within ${seconds} s: ${expression}; the page says ${text}; ${errors.join("; ")}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    },
  };
}
