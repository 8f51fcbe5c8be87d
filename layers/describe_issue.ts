/** Turns zod's issues into what a person can act on: which branch of a union was meant, and what is allowed there. */
import * as z from "zod";
import { UserError } from "../core/host/errors.ts";

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
  if (best === undefined || depth(best) === 0) return issue;
  const inner = mendUnion(worst(best));
  return { ...inner, path: [...issue.path, ...inner.path] } as Issue;
}

/** Removes default, optional and the like from around a schema. */
function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  const { def } = schema._zod;
  return "innerType" in def ? unwrap(def.innerType as z.core.$ZodType) : schema;
}

/** The schemas of one step down a path; a union may lead to several. */
function step(schema: z.core.$ZodType, key: string | number): z.core.$ZodType[] {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodUnion) return inner.options.flatMap((option) => step(option as z.core.$ZodType, key));
  if (inner instanceof z.ZodArray) return [inner.element as z.core.$ZodType];
  if (inner instanceof z.ZodObject && key in inner.shape) return [inner.shape[key] as z.core.$ZodType];
  return [];
}

/** A few words for what a schema accepts. */
function describe(schema: z.core.$ZodType): string {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodUnion) return inner.options.map((option) => describe(option as z.core.$ZodType)).join(", ");
  if (inner instanceof z.ZodObject) return Object.keys(inner.shape).join(", ");
  if (inner instanceof z.ZodEnum) return inner.options.join(", ");
  if (inner instanceof z.ZodLiteral) return [...inner.values].join(", ");
  if (inner instanceof z.ZodArray) return "a list";
  if (inner instanceof z.ZodNumber) return "a number";
  return "text";
}

/** The keys or values that `schema` allows at `path`, as a list for people. */
function allowedAt(schema: z.core.$ZodType, path: Path): string {
  let at = [schema];
  for (const key of path) at = at.flatMap((each) => step(each, key));
  return at.map(describe).join(", ") || "nothing";
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** What is wrong at `path`, what was found and what is allowed; `unknown` names the key that is not known there. */
export function explain(
  schema: z.core.$ZodType,
  path: Path,
  { message, value, unknown }: { readonly message: string; readonly value: unknown; readonly unknown: string | null },
): string {
  if (unknown !== null) return `unknown key, allowed here: ${allowedAt(schema, path.slice(0, -1))}`;
  const found = value === undefined
    ? "it is missing"
    : `got ${(typeof value === "number" ? String(value) : JSON.stringify(value))?.slice(0, 80)}`;
  const allowed = message === "Invalid input" ? `expected ${allowedAt(schema, path)}` : lowerFirst(message);
  return `${allowed.replace(/^invalid input: /, "").replace(/, received \w+$/, "")}, ${found}`;
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
    `${action}: ${path.join(".") || "options"}: ${explain(schema, path, { message, value: at, unknown })}`,
  );
}
