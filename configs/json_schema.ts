import * as z from "zod";
import { configSchema } from "./schema.ts";

/** The text of configs/schema.json: what editors check YAML configs against. A test keeps the file equal to it. */
export function jsonSchemaText(): string {
  return `${JSON.stringify(z.toJSONSchema(configSchema, { io: "input" }), null, 2)}\n`;
}
