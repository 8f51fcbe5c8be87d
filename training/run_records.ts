/** What the folder of a run tells people and reports: metrics.jsonl, steps.jsonl, curves.png, classes.json. */
import { UserError } from "../core/host/errors.ts";
import { exists, readText, writeFile } from "../core/host/files.ts";
import { drawCurves } from "../report/curves.ts";
import { type EpochMetrics, parseRows, parseSteps, type StepMetrics } from "../report/metrics.ts";

export const CLASSES = "classes.json", STEPS = "steps.jsonl";

/**
 * Keeps the names of the classes, which of a folder of pictures nothing else tells. Throws `UserError` where the run was
 * trained with others.
 */
export async function keepClasses(folder: string, classes: readonly string[]): Promise<void> {
  const kept = await readClasses(folder), path = `${folder}/${CLASSES}`;
  if (kept === null) return await writeFile(path, `${JSON.stringify(classes)}\n`);
  const other = classes.findIndex((name, index) => name !== kept[index]);
  if (other < 0 && classes.length === kept.length) return;
  throw new UserError(
    `Cannot go on with other classes: class ${Math.max(0, other)} of the pictures is "${classes[other] ?? "none"}", ` +
      `in "${path}" it is "${kept[Math.max(0, other)] ?? "none"}"; use the pictures that the run was started with`,
  );
}

/** The names of the classes that a run's folder keeps, or null. Throws `UserError` where the file is damaged. */
export async function readClasses(folder: string): Promise<readonly string[] | null> {
  const path = `${folder}/${CLASSES}`;
  if (!(await exists(path))) return null;
  try {
    const names: unknown = JSON.parse(await readText(path));
    if (Array.isArray(names) && names.every((name) => typeof name === "string")) return names;
  } catch (error) {
    if (error instanceof UserError) throw error;
  }
  throw new UserError(`Cannot read "${path}": it is no list of names; delete it to have numbers instead of names`);
}

/** The rows of finished epochs. Throws `UserError`, naming file and line, where one is damaged. */
export async function readMetrics(folder: string): Promise<EpochMetrics[]> {
  const path = `${folder}/metrics.jsonl`;
  if (!(await exists(path))) return [];
  const { rows, damaged } = parseRows(await readText(path));
  if (damaged === null) return rows;
  throw new UserError(
    `Cannot read "${path}": line ${damaged} is not the row of an epoch; rename the file to go on without the rows ` +
      "of finished epochs",
  );
}

export async function writeMetrics(folder: string, rows: readonly EpochMetrics[]): Promise<void> {
  await writeFile(`${folder}/metrics.jsonl`, linesOf(rows));
}

/** What is known of steps; nothing of runs of before. */
export async function readSteps(folder: string): Promise<StepMetrics[]> {
  const path = `${folder}/${STEPS}`;
  return await exists(path) ? parseSteps(await readText(path)) : [];
}

export async function writeSteps(folder: string, rows: readonly StepMetrics[]): Promise<void> {
  await writeFile(`${folder}/${STEPS}`, linesOf(rows));
}

const linesOf = (rows: readonly object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join("");

export async function writeCurves(folder: string, title: string, rows: readonly EpochMetrics[]): Promise<void> {
  await writeFile(`${folder}/curves.png`, await drawCurves(title, rows));
}
