#!/usr/bin/env node
/** The door of the program, which loads it: so a package that is missing is told of in one line. */
import { exit, printError, programArguments } from "./core/host/process.ts";

/** What to do where an import found no package; null for any other error. */
function missingPackage(error: unknown): string | null {
  const { code, message = "" } = error as { code?: string; message?: string };
  const [, name] = /(?:package|module) '([^'./][^']*)'/.exec(message) ?? [];
  if (code !== "ERR_MODULE_NOT_FOUND" || name === undefined) return null;
  return `The package "${name}" is missing, which the program needs, and the library does not: ` +
    "npm install --include=optional brings it";
}

const { main } = await import("./cli/main.ts").catch((error: unknown) => {
  const line = missingPackage(error);
  if (line === null) throw error;
  printError(`allcnn: ${line}`);
  exit(1);
});
await main(programArguments());
