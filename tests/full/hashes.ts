/**
 * `npm run hashes`: does a change of the code change what any kernel offers, or its WGSL? Hashes both for every problem
 * of every config on five kinds of devices, without a GPU.
 */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import type { Op } from "../../core/graph/op.ts";
import type { Limits, Stages } from "../../kernels/kernel.ts";
import { placedOps } from "./hashes_programs.ts";

const HELP = `Hashes the tunings and the WGSL of every kernel that the configs lead to, without a GPU.

  npm run hashes -- --out FILE       write them, one line each
  npm run hashes -- --against FILE   print what is not as in FILE; exit code 1 if anything is`;

/** As llvmpipe of Mesa 25 reports them; as a discrete GPU of NVIDIA has them. */
const LLVMPIPE: Limits = {
  ...{ workgroupInvocations: 1024, workgroupStorage: 32768, bindingBytes: 2 ** 27 },
  ...{ subgroupSize: 8, software: true, exact: false },
};
const GPU: Limits = {
  ...{ workgroupInvocations: 1024, workgroupStorage: 49152, bindingBytes: 2 ** 31 - 256 },
  ...{ subgroupSize: 32, software: false, exact: false },
};
const DEVICES: Readonly<Record<string, Limits>> = {
  llvmpipe: LLVMPIPE,
  swiftshader: { ...LLVMPIPE, workgroupInvocations: 256, workgroupStorage: 16384, subgroupSize: 4 },
  gpu: GPU,
  "gpu-f16": { ...GPU, f16: true },
  "matrix-f16": { ...LLVMPIPE, f16: true, matrix: { m: 8, n: 8, k: 8, lanes: 8, dialect: "emulated" } },
};

interface Entry {
  readonly device: string;
  readonly kernel: string;
  readonly problem: unknown;
  /** The first place where the problem occurs. */
  readonly at: string;
  readonly count: number;
  /** A hash of the list of tunings, in order. */
  readonly tunings: string;
  /** A hash of all that they generate, in order; the tunings themselves do not count. */
  readonly shaders: string;
}

const hash = (value: unknown) => createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 16);

/** The same value with the keys of all objects sorted. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).sort().map(([key, each]) => [key, sorted(each)]));
}

const keyOf = ({ device, kernel, problem }: Pick<Entry, "device" | "kernel" | "problem">) =>
  `${device} ${kernel} ${JSON.stringify(sorted(problem))}`;

/** Spelled out field by field, so that the hash holds where a field gets another name or place. */
function stagesHash({ scratch, dispatches }: Stages): string {
  const slots = dispatches.map(({ bindings }) => bindings.map(({ from, index }) => [from, index]));
  return hash([scratch, dispatches.map(({ shader: { code, workgroups } }, i) => [code, workgroups, slots[i]])]);
}

/** Hashes of stages by kernel, problem and tuning: devices share most of them. */
const known = new Map<string, string>();

function entryOf(device: string, { kernel, problem: given }: Op, at: string): Entry {
  const problem = sorted(given), prefix = `${kernel.name} ${JSON.stringify(problem)} `;
  // As the kernel writes them: checkpoints and the tuner's cache hold tunings as JSON, and compare it.
  const tunings = kernel.tunings(given, DEVICES[device]!).map((tuning) => ({ tuning, text: JSON.stringify(tuning) }));
  const shaders = tunings.map(({ tuning, text }) => {
    const found = known.get(prefix + text) ?? stagesHash(kernel.stages(given, tuning));
    known.set(prefix + text, found);
    return found;
  });
  const texts = tunings.map(({ text }) => text);
  return {
    device,
    kernel: kernel.name,
    problem,
    at,
    count: texts.length,
    tunings: hash(texts),
    shaders: hash(shaders),
  };
}

/** By key, sorted. */
async function compute(): Promise<Map<string, Entry>> {
  const entries = new Map<string, Entry>();
  for (const [device, limits] of Object.entries(DEVICES)) {
    for (const { op, at } of await placedOps(device, limits)) {
      const key = keyOf({ device, kernel: op.kernel.name, problem: op.problem });
      if (!entries.has(key)) entries.set(key, entryOf(device, op, at));
    }
  }
  return new Map([...entries].sort(([a], [b]) => a < b ? -1 : 1));
}

/** What of an entry is not as before; empty: nothing. */
function changes(before: Entry, after: Entry): string[] {
  return [
    ...(before.count === after.count ? [] : [`${before.count} -> ${after.count} tunings`]),
    ...(before.tunings === after.tunings ? [] : ["other tunings"]),
    ...(before.shaders === after.shaders ? [] : ["other WGSL"]),
  ];
}

/** A line for each difference. A problem written in other words, of the same WGSL as before, is one and no two. */
function differences(before: ReadonlyMap<string, Entry>, after: ReadonlyMap<string, Entry>): string[] {
  const named = (what: string, { at, kernel }: Entry, more = "") => `${what} ${at} ${kernel}${more}`;
  const lines: string[] = [], gone = new Map([...before].filter(([key]) => !after.has(key)));
  for (const [key, entry] of after) {
    const old = before.get(key);
    if (old !== undefined) {
      const changed = changes(old, entry);
      if (changed.length > 0) lines.push(named("changed", entry, `: ${changed.join(", ")}`));
      continue;
    }
    const same = [...gone].find(([, { device, shaders }]) => device === entry.device && shaders === entry.shaders);
    if (same === undefined) {
      lines.push(named("new", entry, ` ${JSON.stringify(entry.problem)}`));
      continue;
    }
    const [sameKey, was] = same, other = was.tunings === entry.tunings ? "same" : "other";
    gone.delete(sameKey);
    lines.push(named("respelled", entry, `: same WGSL, ${other} tunings, was ${was.kernel} at ${was.at}`));
  }
  for (const entry of gone.values()) lines.push(named("gone", entry, ` ${JSON.stringify(entry.problem)}`));
  return lines;
}

const { values: { out, against } } = parseArgs({ options: { out: { type: "string" }, against: { type: "string" } } });
if (out === undefined && against === undefined) {
  console.log(HELP);
  process.exit(2);
}
const entries = await compute();
if (out !== undefined) {
  writeFileSync(out, `[\n${[...entries.values()].map((entry) => JSON.stringify(entry)).join(",\n")}\n]\n`);
}
if (against !== undefined) {
  const before = JSON.parse(readFileSync(against, "utf8")) as Entry[];
  const lines = differences(new Map(before.map((entry) => [keyOf(entry), entry])), entries);
  lines.forEach((line) => console.log(line));
  if (lines.length > 0) process.exitCode = 1;
  console.log(`${entries.size} entries, ${lines.length || "no"} ${lines.length === 1 ? "difference" : "differences"}`);
} else console.log(`${entries.size} entries`);
