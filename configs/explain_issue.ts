/** Turns zod's issues into what a person can act on: which branch of a union was meant, and what is allowed there. */
import { z } from "zod";

export type Path = (string | number)[];
type Issue = z.core.$ZodIssue;

const UNION_ERRORS = "errors";

/** The issue to report: a key that is not known explains others, as the missing key that it misspells. */
export function worst(issues: readonly Issue[]): Issue {
  return issues.find(({ code }) => code === "unrecognized_keys") ?? issues[0]!;
}

/**
 * A value that fits no branch of a union fails with one list of issues per branch: takes the branch that got
 * furthest, which is the one its author meant, and moves its issue to the value's path.
 */
export function mendUnion(issue: Issue): Issue {
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
export function allowedAt(schema: z.core.$ZodType, path: Path): string {
  let at = [schema];
  for (const key of path) at = at.flatMap((each) => step(each, key));
  return at.map(describe).join(", ") || "nothing";
}
