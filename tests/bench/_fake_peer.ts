/** Peers that need no framework: what they answer is written into their command line. */
import process from "node:process";
import type { Peer } from "../../bench/peers/compare.ts";
import type { Started } from "../../bench/peers/protocol.ts";

export const STARTED: Started = {
  device: "none",
  version: "1",
  loss: 2.5,
  lossAfterUpdate: 2.25,
  firstStepSeconds: 0.5,
};

/** Runs in the peer's process, as text: it may use only its arguments, and globals. */
function behave(process: NodeJS.Process, started: string, secondsPerStep: number, misdeed: string) {
  if (misdeed === "prints") console.log('[library] ready\n{"not": "an answer"}\n{ nor this');
  let turns = 0;
  process.stdin.setEncoding("utf8");
  let unread = "";
  const answer = (record: object) => process.stdout.write(`\n${JSON.stringify(record)}\n`);
  const react = (request: { cmd: string; count: number }) => {
    if (request.cmd === "stop") process.exit(0);
    if (misdeed === "crashes" || (misdeed === "crashes later" && turns === 1)) {
      console.error("Error: out of memory\n    at somewhere (file.js:1:1)");
      process.exit(3);
    }
    if (misdeed === "hangs") return;
    if (misdeed === "refuses") return answer({ error: "This peer knows no maxPool" });
    if (misdeed === "prints") process.stdout.write("[library] 50 %");
    if (request.cmd === "start") return answer({ answer: JSON.parse(started) });
    turns++;
    const loss = misdeed === "diverges" ? null : 2.5;
    answer({ answer: { seconds: request.count * secondsPerStep * turns, loss } });
  };
  process.stdin.on("data", (text: string) => {
    const lines = `${unread}${text}`.split("\n");
    unread = lines.pop()!;
    lines.forEach((line) => react(JSON.parse(line)));
  });
  process.stdin.on("end", () => process.exit(0));
}

/**
 * A peer whose n-th turn takes n * `secondsPerStep` for each step, as it claims. `misdeed`: "prints", "crashes",
 * "crashes later" (in its second turn), "hangs", "refuses", "diverges".
 */
export function fakePeer(
  name: string,
  { started = {}, secondsPerStep = 1, misdeed = "" }: {
    started?: Partial<Started>;
    secondsPerStep?: number;
    misdeed?: string;
  } = {},
): Peer {
  const values = [JSON.stringify({ ...STARTED, ...started }), secondsPerStep, misdeed];
  const args = values.map((value) => JSON.stringify(value)).join(", ");
  return { name, launch: { file: process.execPath, args: ["-e", `(${behave})(process, ${args})`] } };
}
