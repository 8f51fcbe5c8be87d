import { initWasm, Resvg } from "@resvg/resvg-wasm";
import { UserError } from "../core/host/errors.ts";
import { pathOf } from "../core/host/file_url.ts";
import { readFile } from "../core/host/files.ts";

/** Files of npm packages that are looked up by name when something is drawn. */
export const PACKAGE_FILES = {
  wasm: "@resvg/resvg-wasm/index_bg.wasm",
  regular: "@fontsource/inter/files/inter-latin-400-normal.woff2",
  semibold: "@fontsource/inter/files/inter-latin-600-normal.woff2",
} as const;

/** The one font family that `svgToPng` knows, in weights 400 and 600. */
export const FONT_FAMILY = "Inter";

let loadedFonts: Promise<Uint8Array[]> | undefined;

/**
 * Rasterizes an SVG document, without a browser and without the system's fonts, so the same everywhere.
 *
 * @param svg the document; its text is drawn in `FONT_FAMILY`, Latin letters only
 * @param width of the image in pixels; by default that of the document
 * @returns the bytes of a PNG file
 * @throws {UserError} a file of the packages it needs cannot be read, or `svg` is not valid
 */
export async function svgToPng(svg: string, width?: number): Promise<Uint8Array> {
  loadedFonts ??= loadFonts();
  const fontBuffers = await loadedFonts;
  const font = { fontBuffers, defaultFontFamily: FONT_FAMILY, sansSerifFamily: FONT_FAMILY };
  try {
    const document = new Resvg(svg, { font, ...(width && { fitTo: { mode: "width" as const, value: width } }) });
    const image = document.render();
    const png = image.asPng();
    image.free(); // the memory of the wasm module is not garbage collected
    document.free();
    return png;
  } catch (error) {
    throw new UserError(`Cannot draw the SVG: ${error instanceof Error ? error.message : error}`);
  }
}

/** Starts the wasm module, once per process, and reads the two fonts. */
async function loadFonts(): Promise<Uint8Array[]> {
  await initWasm(await readPackageFile(PACKAGE_FILES.wasm) as BufferSource).catch((error: Error) => {
    if (!error.message.includes("Already initialized")) throw error; // by the caller's own use of the package
  });
  return await Promise.all([readPackageFile(PACKAGE_FILES.regular), readPackageFile(PACKAGE_FILES.semibold)]);
}

/** Reads a file of an installed package: found from this module, so it works from dist/ as well. */
async function readPackageFile(specifier: string): Promise<Uint8Array> {
  try {
    return await readFile(pathOf(import.meta.resolve(specifier)));
  } catch (error) {
    const cause = error instanceof Error ? error.message : error;
    throw new UserError(`Cannot read "${specifier}", which drawing needs: run "npm install" again (${cause})`);
  }
}
