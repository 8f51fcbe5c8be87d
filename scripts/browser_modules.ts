/** What bundles for browsers have in place of what only Node and Deno have. */
import type { Plugin } from "esbuild";

/** By the file's path from the root or the package's name: the file that comes in its place, or null for nothing. */
const INSTEAD: Readonly<Record<string, string | null>> = {
  "core/host/dawn.ts": null,
  "core/host/files.ts": "files_browser.ts",
  sharp: null,
};

/** A plugin of esbuild that puts storage in IndexedDB for files, and leaves out what is native. */
export const browserModules: Plugin = {
  name: "browser modules",
  setup({ onResolve, onLoad, resolve }) {
    onResolve(
      { filter: /^sharp$|^\.{1,2}\/(.*\/)?(dawn|files)\.ts$/ },
      async ({ path, kind, resolveDir, pluginData }) => {
        if (pluginData === browserModules) return null; // asked from here
        if (path in INSTEAD) return { path, namespace: "nothing" };
        const found = await resolve(path, { kind, resolveDir, pluginData: browserModules });
        const name = Object.keys(INSTEAD).find((name) => found.path.replaceAll("\\", "/").endsWith(`/${name}`));
        if (name === undefined) return found;
        const file = INSTEAD[name]!;
        return file === null ? { path, namespace: "nothing" } : { path: found.path.replace(/[^/\\]+$/, file) };
      },
    );
    onLoad({ filter: /./, namespace: "nothing" }, () => ({ contents: "", loader: "js" }));
  },
};
