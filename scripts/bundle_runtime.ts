/** What a bundle brings of the system: Node's own binary, and libraries that a bare machine may lack. */
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import { UserError } from "../core/host/errors.ts";
import { run } from "./bundle_parts.ts";

/**
 * Shared libraries by soname. start.sh uses each only where the system has none: Vulkan's loader, without which Dawn
 * finds no driver; those that NVIDIA's driver loads and images without a display leave out; the C++ runtime of Node
 * and Dawn.
 */
const LIBRARIES = {
  needed: ["libvulkan.so.1"],
  wanted: [
    "libX11.so.6",
    "libXext.so.6",
    "libxcb.so.1",
    "libXau.so.6",
    "libXdmcp.so.6",
    "libbsd.so.0",
    "libmd.so.0",
    "libEGL.so.1",
    "libGLdispatch.so.0",
    "libstdc++.so.6",
    "libgcc_s.so.1",
  ],
} as const;

/** Fills `folder` with `runtime/node`, `runtime/lib/<soname>/<soname>` and their licences; returns the sonames. */
export function stageRuntime(folder: string): string[] {
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new UserError(`A bundle is made on x86-64 Linux, this is ${process.platform} ${process.arch}`);
  }
  const runtime = join(folder, "runtime"), licenses = join(runtime, "licenses");
  mkdirSync(licenses, { recursive: true });
  stripTo(process.execPath, join(runtime, "node"));
  copyFileSync(nodeLicense(), join(licenses, "node"));
  const found = new Map(
    [...run("/sbin/ldconfig", ["-p"]).matchAll(/^\s*(\S+) \(libc6,x86-64.*?\) => (\S+)$/gm)]
      .reverse().map(([, soname, path]) => [soname!, path!]), // of several, the first is the one that is loaded
  );
  const missing = LIBRARIES.needed.find((soname) => !found.has(soname));
  if (missing !== undefined) {
    throw new UserError(`Cannot find ${missing}, which the bundle needs: install Vulkan's loader (Debian: libvulkan1)`);
  }
  const sonames = [...LIBRARIES.needed, ...LIBRARIES.wanted].filter((soname) => found.has(soname));
  for (const soname of sonames) {
    const path = realpathSync(found.get(soname)!);
    mkdirSync(join(runtime, "lib", soname), { recursive: true });
    copyFileSync(path, join(runtime, "lib", soname, soname));
    const license = debianLicense(path);
    if (license !== null) copyFileSync(license, join(licenses, soname));
  }
  return sonames;
}

/** The newest version of glibc that these programs and libraries ask for, as "2.34". */
export function neededGlibc(files: readonly string[]): string {
  const versions = files.flatMap((file) =>
    [...readFileSync(file, "latin1").matchAll(/GLIBC_2\.(\d+)/g)].map(([, minor]) => Number(minor))
  );
  return `2.${Math.max(...versions)}`;
}

/** Copies a program without its table of local symbols, 12 of Node's 99 MB, where binutils are installed. */
function stripTo(from: string, to: string): void {
  try {
    execFileSync("strip", ["--strip-all", "-o", to, from], { stdio: "ignore" });
  } catch {
    copyFileSync(from, to);
  }
}

function nodeLicense(): string {
  const prefix = dirname(dirname(realpathSync(process.execPath)));
  const places = ["LICENSE", "share/doc/node/LICENSE", "share/doc/nodejs/LICENSE", "share/doc/nodejs/copyright"];
  const place = places.map((name) => join(prefix, name)).find((path) => existsSync(path));
  if (place === undefined) {
    throw new UserError(`Cannot find Node's licence, which goes with its binary: expected ${join(prefix, "LICENSE")}`);
  }
  return place;
}

/** The copyright file of the Debian package that a file belongs to, or null on other systems. */
function debianLicense(path: string): string | null {
  for (const name of [path, path.replace(/^\/usr/, "")]) { // dpkg may know it by its place before /lib was merged
    try {
      const owner = execFileSync("dpkg-query", ["--search", name], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      });
      const license = `/usr/share/doc/${basename(owner.split(":")[0]!)}/copyright`;
      if (existsSync(license)) return license;
    } catch {
      continue;
    }
  }
  return null;
}
