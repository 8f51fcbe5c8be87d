/** Commands to be pasted: they start the program in the way in which it was started. */
import { environment, programFile } from "../core/host/process.ts";

/** How this process was started. */
export interface Start {
  /** What Node or Deno was given. */
  readonly file: string;
  /** Of an environment variable. */
  readonly environment: (name: string) => string | undefined;
}

/** As a shell reads it. */
const quoted = (text: string) => /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

/** With npx, by its name, or by its file; Deno has a door for each of two commands, and one for all. */
function program(command: string, { file, environment }: Start): string {
  const [, folder, name] = /^(.*?)([^/\\]*)$/.exec(file) as unknown as [string, string, string];
  if (name === `${command}.ts`) return `deno run -A ${quoted(file)}`;
  if (name.endsWith(".ts")) return `deno run -A ${quoted(`${folder}allcnn.ts`)} ${command}`;
  if (environment("npm_command") === "exec") return `npx allcnn ${command}`;
  const found = (environment("PATH") ?? "").split(":").includes(folder.replace(/\/$/, ""));
  return `${found ? name : `node ${quoted(file)}`} ${command}`;
}

/** `commandLine("train", ["--resume", out])`: "npx allcnn train --resume runs/first". */
export function commandLine(
  command: string,
  args: readonly string[],
  start: Start = { file: programFile(), environment },
): string {
  return [program(command, start), ...args.map(quoted)].join(" ");
}
