/** The parts of a bundle: folders packed with tar and xz, cut into files of a size that can be carried, and a manifest. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../core/host/errors.ts";

/** What a part holds, which decides how xz filters it. */
export type Contents = "programs" | "images";

/** A file of the bundle: a whole archive, or a piece of one. */
export interface Part {
  readonly archive: string;
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * xz's own filters, undone by any xz and by Python's lzma: `x86` makes jumps absolute; the two deltas take from each
 * byte its left neighbour and then, in rows of 32 pixels, the one above.
 */
const FILTERS: Readonly<Record<Contents, readonly string[]>> = {
  programs: ["--x86", "--lzma2=preset=9e"],
  images: ["--delta=dist=1", "--delta=dist=32", "--lzma2=preset=6,lc=0,pb=0"],
};

/**
 * Packs the entries of a folder as `<out>/<name>.tar.xz`, or as `<name>.tar.xz.1`, `.2`, ... of at most `limit` bytes
 * each. The same entries give the same bytes, since names are sorted, and owners and dates left out.
 *
 * @throws {UserError} tar or xz is not installed, or one of them fails
 */
export function packFolder(
  folder: string,
  { name, out, contents, limit }: { name: string; out: string; contents: Contents; limit: number },
): Part[] {
  const archive = `${name}.tar.xz`, tar = join(out, `${name}.tar`);
  run("tar", [
    "--create",
    `--file=${tar}`,
    `--directory=${folder}`,
    "--sort=name",
    "--mtime=@0",
    "--owner=0",
    "--group=0",
    "--numeric-owner",
    "--format=ustar",
    "--",
    ...readdirSync(folder).sort(),
  ]);
  run("xz", ["--force", "--threads=1", ...FILTERS[contents], tar]);
  const bytes = readFileSync(join(out, archive));
  const pieces = splitBytes(bytes, limit);
  if (pieces.length > 1) rmSync(join(out, archive));
  return pieces.map((piece, index) => {
    const file = pieces.length === 1 ? archive : `${archive}.${index + 1}`;
    if (pieces.length > 1) writeFileSync(join(out, file), piece);
    return { archive, file, bytes: piece.length, sha256: createHash("sha256").update(piece).digest("hex") };
  });
}

/** Consecutive pieces of at most `limit` bytes, as many as it takes. */
export function splitBytes(bytes: Uint8Array, limit: number): Uint8Array[] {
  const count = Math.max(1, Math.ceil(bytes.length / limit));
  return Array.from({ length: count }, (_, index) => bytes.subarray(index * limit, (index + 1) * limit));
}

/** The manifest that start.sh reads: `notes` as comments, then "SHA-256 bytes archive file" for each part. */
export function manifestText(parts: readonly Part[], notes: readonly string[]): string {
  return [
    ...notes.map((note) => `# ${note}`),
    ...parts.map(({ sha256, bytes, archive, file }) => `${sha256} ${bytes} ${archive} ${file}`),
  ].map((line) => `${line}\n`).join("");
}

/** Runs a program of the system; its failure becomes a `UserError`. */
export function run(program: string, args: readonly string[]): string {
  try {
    return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], maxBuffer: 2 ** 28 });
  } catch (error) {
    const { code, stderr, message } = error as { code?: string; stderr?: string; message: string };
    if (code === "ENOENT") throw new UserError(`Cannot make the bundle: install ${program}, which packs it`);
    throw new UserError(`Cannot make the bundle: ${program} failed: ${(stderr || message).trim().split("\n").at(-1)}`);
  }
}
