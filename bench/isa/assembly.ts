/** What a kernel's machine code issues, as AMD's assembly of it tells: instructions by kind, loops and their rounds. */

/** What instructions do, and the start of their names; the first that fits. */
const KINDS = {
  matrix: /^v_(s?wmma|s?mfma)/,
  product: /^v_((pk_)?(fma|fmac|mac|mad|fma_mix)_|dual_(fma|fmac)|pk_fma|fma_mix|dot)/,
  vector: /^v_/,
  workgroup: /^ds_/,
  global: /^(buffer|global|flat|scratch|tbuffer)_/,
  scalar: /^s_/,
} as const;

export type Kind = keyof typeof KINDS;
export const KIND_NAMES = Object.keys(KINDS) as readonly Kind[];

export interface Instruction {
  readonly name: string;
  readonly operands: string;
  readonly kind: Kind | null;
  /** Multiply-adds of a lane, or 16x16x16 products of a subgroup where it is a matrix instruction. */
  readonly products: number;
  /** Bytes that a lane moves. */
  readonly bytes: number;
}

/** A loop from its first to its last instruction. */
export interface Loop {
  readonly first: number;
  readonly last: number;
  /** How often it runs, where it counts to a constant; else null. */
  readonly rounds: number | null;
}

export interface Assembly {
  readonly instructions: readonly Instruction[];
  readonly loops: readonly Loop[];
}

/** Multiply-adds of two pairs in one instruction: packed halves, or two instructions issued as one. */
function productsOf(name: string, operands: string): number {
  const packed = /_pk_|_dot2/.test(name) ? 2 : 1;
  return packed + (/::\s*v_dual_(fma|fmac)/.test(operands) ? 1 : 0);
}

/** Bytes of a lane that an instruction of memory moves: the width in its name, twice that where it has two addresses. */
function bytesOf(name: string): number {
  const [, words] = /dword(?:x(\d))?/.exec(name) ?? [], [, bits] = /_[bdiuf](\d+)/.exec(name) ?? [];
  const [, short] = /_(?:d16_)?(?:u|s|i)?(byte|short)/.exec(name) ?? [];
  const once = short === "byte"
    ? 1
    : short === "short"
    ? 2
    : words !== undefined
    ? 4 * Number(words)
    : /dword/.test(name)
    ? 4
    : bits === undefined
    ? 4
    : Number(bits) / 8;
  return /read2|write2|load_2addr|store_2addr/.test(name) ? 2 * once : once;
}

function instructionOf(name: string, operands: string): Instruction {
  const kind = KIND_NAMES.find((each) => KINDS[each].test(name)) ?? null;
  const moves = kind === "workgroup" || kind === "global";
  return {
    name,
    operands,
    kind,
    products: kind === "matrix" ? 1 : kind === "product" ? productsOf(name, operands) : 0,
    bytes: moves ? bytesOf(name) : 0,
  };
}

/**
 * How often a loop runs: its own code (without loops in it) compares a scalar register, which it raises by a constant,
 * with a constant.
 */
function roundsOf(own: readonly Instruction[]): number | null {
  for (const { name, operands } of own) {
    const [, register, limit] = /^s_cmpk?_(?:ge|lt|eq|lg|gt|le)_[iu]32$/.test(name)
      ? /^\s*(s\d+), (0x[0-9a-f]+|\d+)\b/.exec(operands) ?? []
      : [];
    if (register === undefined) continue;
    const step = own.find((each) =>
      /^s_add(k|_co)?_[iu]32$/.test(each.name) && new RegExp(`^\\s*${register},`).test(each.operands)
    );
    const [, by] = /, (0x[0-9a-f]+|\d+)\b(?!.*,)/.exec(step?.operands.replace(/;.*/, "") ?? "") ?? [];
    if (by !== undefined && Number(by) > 0) return Math.max(1, Math.round(Number(limit) / Number(by)));
  }
  return null;
}

/** A line of the compiler's own listing, which RADV writes where LLVM cannot disassemble (RDNA 4), as assembly. */
function plainLine(line: string): string {
  const [, results = "", code = line] = /^\s+([^=]*%\d+:\S+) = (.*)$/.exec(line) ?? [];
  const written = [...results.matchAll(/%\d+:([sv])\[(\d+)/g)].map(([, file, index]) => `${file}${index}, `).join("");
  const [, name = "", operands = ""] = /^\s*(\S+)(.*)$/.exec(code) ?? [];
  return `\t${name} ${written}${operands.replace(/%\d+:/g, "").replace(/\b([sv])\[(\d+)\]/g, "$1$2").trim()}`;
}

/**
 * Reads what the driver wrote: labels `BB3:`, and lines of an instruction, a tab before them and its bytes behind `;`; or
 * the compiler's listing, where labels have no colon and results are before `=`.
 */
export function readAssembly(text: string): Assembly {
  const labels = new Map<string, number>(), instructions: Instruction[] = [], listing = /^BB\d+$/m.test(text);
  for (const line of text.split("\n")) {
    const label = /^\s*(BB\d+):?$/.exec(line)?.[1];
    const [, name, operands = ""] = /^\s+([a-z]\w+)(.*)/.exec(listing && /^\s/.test(line) ? plainLine(line) : line) ??
      [];
    if (label !== undefined) labels.set(label, instructions.length);
    else if (name !== undefined) instructions.push(instructionOf(name, operands.replace(/;.*/, "")));
  }
  const ends = new Map<number, number>(); // of two jumps back to one place, the farther is the loop's end
  instructions.forEach(({ name, operands }, at) => {
    const target = /^s_c?branch/.test(name) ? labels.get(/BB\d+/.exec(operands)?.[0] ?? "") : undefined;
    if (target !== undefined && target <= at) ends.set(target, at);
  });
  const spans = [...ends].map(([first, last]) => ({ first, last }));
  const inner = (a: { first: number; last: number }, at: number) =>
    spans.some((b) => b.first >= a.first && b.last <= a.last && b !== a && at >= b.first && at <= b.last);
  const loops = spans.map((span): Loop => ({
    ...span,
    rounds: roundsOf(instructions.filter((_, at) => at >= span.first && at <= span.last && !inner(span, at))),
  }));
  return { instructions, loops };
}

const contains = (outer: Loop, inner: Loop) => outer.first <= inner.first && outer.last >= inner.last;

/** Multiply-adds in a loop; a product of matrices counts as its own. */
const productsIn = ({ instructions }: Assembly, { first, last }: Loop) =>
  instructions.slice(first, last + 1)
    .reduce((sum, { kind, products }) => sum + (kind === "matrix" ? 16 ** 3 / 32 : products), 0);

/** Fewer products are addresses or sums. */
const LEAST = 4;

/** Of the loops that multiply, and hold none that does, the one that multiplies most; or null. */
export function innerLoop(assembly: Assembly): Loop | null {
  const multiply = assembly.loops.filter((loop) => productsIn(assembly, loop) >= LEAST);
  const leaves = multiply.filter((loop) => !multiply.some((other) => other !== loop && contains(loop, other)));
  return leaves.sort((a, b) => productsIn(assembly, b) - productsIn(assembly, a))[0] ?? null;
}

/** The largest loop around it whose inner loops all have known numbers of rounds, or the loop itself. */
export function wholeLoop({ loops }: Assembly, inner: Loop): Loop {
  let whole = inner;
  const around = loops.filter((loop) => loop !== inner && contains(loop, inner))
    .sort((a, b) => (a.last - a.first) - (b.last - b.first));
  for (const loop of around) {
    if (loops.some((each) => each !== loop && contains(loop, each) && each.rounds === null)) break;
    whole = loop;
  }
  return whole;
}

/** How often each instruction from `first` to `last` runs in one round of it; unknown loops count once. */
export function counts({ loops }: Assembly, { first, last }: Pick<Loop, "first" | "last">): number[] {
  const within = loops.filter((loop) =>
    loop.first >= first && loop.last <= last &&
    !(loop.first === first && loop.last === last)
  );
  return Array.from(
    { length: last - first + 1 },
    (_, offset) =>
      within.filter((loop) => offset + first >= loop.first && offset + first <= loop.last)
        .reduce((product, { rounds }) => product * (rounds ?? 1), 1),
  );
}
