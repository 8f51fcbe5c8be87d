/** What every implementation of `core/host/files.ts` promises; it runs in Node and in a browser. */
import type * as files from "../../core/host/files.ts";
import { UserError } from "../../core/host/errors.ts";

/** All but what locks between processes are made of (training/run_lock.ts) and disks, which browsers do not have. */
export type Storage = Omit<
  typeof files,
  | "absolutePath"
  | "createFile"
  | "freeBytes"
  | "modified"
  | "placeOf"
  | "readStart"
  | "removeEmptyDirectory"
  | "touch"
>;

function equal(actual: unknown, expected: unknown, what: string): void {
  const [a, b] = [actual, expected].map((value) => JSON.stringify(value instanceof Uint8Array ? [...value] : value));
  if (a !== b) throw new Error(`${what}: ${a}, expected ${b}`);
}

async function refused(work: Promise<unknown>, message: string): Promise<void> {
  const error = await work.then(() => null, (error: unknown) => error);
  equal(error instanceof UserError ? error.message : `not refused: ${error}`, message, "the error");
}

/** Checks everything below `root`, a folder that is empty. Throws where a promise is broken. */
export async function checkStorage(storage: Storage, root: string): Promise<void> {
  const {
    appendFile,
    exists,
    folderOf,
    isDirectory,
    list,
    makeDirectory,
    moveFile,
    readFile,
    readText,
    removeFile,
    writeFile,
  } = storage;
  const at = (path: string) => `${root}/${path}`;

  await writeFile(at("a/b/text"), "Grüße");
  equal(await readText(at("a/b/text")), "Grüße", "a text");
  await writeFile(at("a/b/text"), "other", { flush: false });
  equal(await readText(at("a//b/./text")), "other", "a replaced text, by another spelling of its path");
  const window = new Uint8Array([9, 9, 0, 255, 9]).subarray(2, 4);
  await writeFile(at("a/bytes"), window);
  window[0] = 7;
  equal(await readFile(at("a/bytes")), new Uint8Array([0, 255]), "bytes");
  equal((await readFile(at("a/bytes"))).buffer.byteLength, 2, "memory of bytes");
  await writeFile(at("a/empty"), "");
  equal(await readFile(at("a/empty")), new Uint8Array(), "an empty file");

  for (const text of ["one", " more"]) await appendFile(at("a/b/log"), [new TextEncoder().encode(text)]);
  equal(await readText(at("a/b/log")), "one more", "what was written behind");
  await removeFile(at("a/b/log"));

  equal(await list(at("a")), ["b", "bytes", "empty"], "entries of a folder, sorted");
  equal(await list(at("none")), [], "entries of no folder");
  await makeDirectory(at("made/in/turn"));
  await makeDirectory(at("made"));
  equal(await list(at("made")), ["in"], "entries of a folder of folders");
  equal(await list(at("made/in/turn")), [], "entries of an empty folder");
  const asked = ["a", "a/b", "a/b/text", "a/b/tex", "made/in/turn", "made/in"];
  equal(await Promise.all(asked.map((path) => exists(at(path)))), [true, true, true, false, true, true], "exists");
  equal(
    await Promise.all(asked.map((path) => isDirectory(at(path)))),
    [true, true, false, false, true, true],
    "is a folder",
  );

  await refused(readFile(at("none")), `Cannot read "${at("none")}": it does not exist`);
  await refused(readFile(at("a")), `Cannot read "${at("a")}": it is a folder`);
  await refused(writeFile(at("a"), "x"), `Cannot write "${at("a")}": it is a folder`);
  await refused(
    makeDirectory(at("a/bytes/x")),
    `Cannot create the folder "${at("a/bytes/x")}": a part of the path is not a folder`,
  );
  // Which of the two steps fails, making the folder or writing, is the implementation's.
  const below = await writeFile(at("a/bytes/x/y"), "x").then(() => null, (error: unknown) => error);
  equal(below instanceof UserError && below.message.endsWith(": a part of the path is not a folder"), true, "below");
  equal(await list(at("a")), ["b", "bytes", "empty"], "entries after what failed");

  await moveFile(at("a/bytes"), at("a/b/text"));
  await moveFile(at("a/none"), at("a/b/text"));
  await moveFile(at("a/b/text"), at("a/b/text"));
  equal([await list(at("a")), await list(at("a/b"))], [["b", "empty"], ["text"]], "entries after a rename");
  equal(await readFile(at("a/b/text")), new Uint8Array([0, 255]), "the renamed file");
  await removeFile(at("a/empty"));
  await removeFile(at("a/empty"));
  equal(await list(at("a")), ["b"], "entries after a deletion");

  equal(["a/b/c", "a", "/a"].map(folderOf), ["a/b", ".", "/"], "folders that files lie in");

  // Of writers at the same time, one wins, whole.
  const texts = ["1", "2", "3"].map((digit) => digit.repeat(100_000));
  await Promise.all(texts.map((text) => writeFile(at("contested"), text)));
  equal(texts.includes(await readText(at("contested"))), true, "a contested file");
}
