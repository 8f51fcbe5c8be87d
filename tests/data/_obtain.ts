/** Obtains the archive that the first argument describes as JSON: a program of its own, for Node and Deno. */
import process from "node:process";
import type { Archive } from "../../data/archive.ts";
import { obtain } from "../../data/obtain.ts";

const { archive, parent, server } = JSON.parse(process.argv[2]!) as {
  archive: Archive;
  parent: string;
  server: string;
};
const report = (message: string, done: number) => console.log(`${message}: ${done}`);
const line = (text: string) => console.log(text);
const { signal } = new AbortController();
console.log(`It is in ${await obtain(archive, parent, { server, signal, report, line })}`);
