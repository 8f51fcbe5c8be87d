/** Turns zod's issues into what a person can act on: which branch of a union was meant, and what is allowed there. */
import * as z from "zod";
import { UserError } from "../host/errors.ts";
import { didYouMean } from "./nearest.ts";

export type Path = (string | number)[];
type Issue = z.core.$ZodIssue;

const UNION_ERRORS = "errors";

/** The issue to report: a key that is not known explains others, as the missing key that it misspells. */
function worst(issues: readonly Issue[]): Issue {
  return issues.find(({ code }) => code === "unrecognized_keys") ?? issues[0]!;
}

/**
 * A value that fits no branch of a union fails with one list of issues per branch: takes the branch that got
 * furthest, which is the one its author meant, and moves its issue to the value's path.
 */
function mendUnion(issue: Issue): Issue {
  if (issue.code !== "invalid_union" || !(UNION_ERRORS in issue)) return issue;
  const depth = (branch: readonly Issue[]) => Math.min(...branch.map(({ path }) => path.length));
  const branches = [...issue.errors].filter((branch) => branch.length > 0).sort((a, b) => depth(b) - depth(a));
  const best = branches[0];
  if (best === undefined) return issue;
  if (depth(best) === 0) { // of no branch: a key that none knows is what is wrong, or a value of the right type
    const near = branches.flat().find(({ code }) => code === "too_small" || code === "too_big");
    if (near !== undefined) return { ...near, path: [...issue.path, ...near.path] } as Issue;
    const unknown = branches.flatMap((branch) =>
      branch.flatMap((each) => each.code === "unrecognized_keys" ? each.keys : [])
    );
    const objects = branches.filter((branch) => branch.some(({ code }) => code === "unrecognized_keys")).length;
    const key = unknown.find((each) => unknown.filter((other) => other === each).length === objects);
    return key === undefined
      ? issue
      : { code: "unrecognized_keys", keys: [key], path: issue.path, message: issue.message };
  }
  const inner = mendUnion(worst(best));
  return { ...inner, path: [...issue.path, ...inner.path] } as Issue;
}

/** Removes default, optional, lazy and the like from around a schema. */
function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  const { def } = schema._zod;
  if (schema instanceof z.ZodLazy) return unwrap(schema.unwrap() as z.core.$ZodType);
  if (schema instanceof z.ZodPipe) return unwrap(schema.in as z.core.$ZodType);
  return "innerType" in def ? unwrap(def.innerType as z.core.$ZodType) : schema;
}

/** The schemas of one step down a path; a union may lead to several. */
function step(schema: z.core.$ZodType, key: string | number): z.core.$ZodType[] {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodUnion) return inner.options.flatMap((option) => step(option as z.core.$ZodType, key));
  if (inner instanceof z.ZodArray) return [inner.element as z.core.$ZodType];
  if (inner instanceof z.ZodTuple) return inner.def.items.filter((_, index) => index === key);
  if (inner instanceof z.ZodObject && key in inner.shape) return [inner.shape[key] as z.core.$ZodType];
  return [];
}

/** The keys, values or kinds of values that a schema accepts. */
function accepted(schema: z.core.$ZodType): string[] {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodUnion) return inner.options.flatMap((option) => accepted(option as z.core.$ZodType));
  if (inner instanceof z.ZodObject) return Object.keys(inner.shape);
  if (inner instanceof z.ZodEnum) return inner.options.map(String);
  if (inner instanceof z.ZodLiteral) return [...inner.values].map(String);
  if (inner instanceof z.ZodArray) return ["a list"];
  if (inner instanceof z.ZodTuple) return ["a pair"];
  if (inner instanceof z.ZodNumber) return [inner.isInt ? "a whole number" : "a number"];
  return ["text"];
}

/** The schemas at `path`. */
function schemasAt(schema: z.core.$ZodType, path: Path): z.core.$ZodType[] {
  return path.reduce((at, key) => at.flatMap((each) => step(each, key)), [schema]);
}

/** What `schema` allows at `path`, for people, each once. */
const allowedAt = (schema: z.core.$ZodType, path: Path) => [...new Set(schemasAt(schema, path).flatMap(accepted))];

/** The keys that `schema` knows at `path`. */
function keysAt(schema: z.core.$ZodType, path: Path): string[] {
  const keysOf = (each: z.core.$ZodType): string[] => {
    const inner = unwrap(each);
    if (inner instanceof z.ZodUnion) return inner.options.flatMap((option) => keysOf(option as z.core.$ZodType));
    return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
  };
  return [...new Set(schemasAt(schema, path).flatMap(keysOf))];
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** What is wrong at `path`, what was found and what is allowed; `unknown` names the key that is not known there. */
export function describeProblem(
  schema: z.core.$ZodType,
  path: Path,
  { message, value, unknown }: { readonly message: string; readonly value: unknown; readonly unknown: string | null },
): string {
  if (unknown !== null) {
    const known = keysAt(schema, path.slice(0, -1)), meant = didYouMean(unknown, known);
    return `unknown key${meant === "" ? ", a" : `${meant} A`}llowed here: ${known.join(", ") || "nothing"}`;
  }
  const found = value === undefined
    ? "it is missing"
    : `got ${(typeof value === "number" ? String(value) : JSON.stringify(value))?.slice(0, 80)}`;
  const known = allowedAt(schema, path), misspelt = typeof value === "string" && message.startsWith("Invalid");
  const meant = misspelt ? didYouMean(value, known) : "";
  const allowed = message === "Invalid input" ? `expected ${known.join(", ")}` : lowerFirst(message);
  return `${allowed.replace(/^invalid input: /, "").replace(/, received \w+$/, "")}, ${found}${meant}`;
}

/** The issue to report, mended, with the path of what it is about. */
export function reported(issues: readonly Issue[]): { path: Path; message: string; unknown: string | null } {
  const issue = worst(issues.map(mendUnion));
  const unknown = issue.code === "unrecognized_keys" ? issue.keys[0]! : null;
  return { path: [...issue.path as Path, ...(unknown === null ? [] : [unknown])], message: issue.message, unknown };
}

/**
 * `value` checked against `schema`, defaults filled in. `action` opens the error, as `Cannot build conv "conv1"`.
 * Throws `UserError` on anything that the schema does not allow.
 */
export function checkOptions<T extends z.ZodType>(schema: T, value: unknown, action: string): z.output<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const { path, message, unknown } = reported(result.error.issues);
  const at = path.reduce<unknown>(
    (inner, key) => (inner as Record<string | number, unknown> | undefined)?.[key],
    value,
  );
  throw new UserError(
    `${action}: ${path.join(".") || "options"}: ${describeProblem(schema, path, { message, value: at, unknown })}`,
  );
}
