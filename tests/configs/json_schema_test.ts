import { test } from "uvu";
import * as assert from "uvu/assert";
import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import * as z from "zod";
import { configSchema } from "../../configs/schema.ts";

test("configs/schema.json, by which editors check configs, is what configs/schema.ts says (UPDATE=1 writes it)", () => {
  const text = `${JSON.stringify(z.toJSONSchema(configSchema, { io: "input" }), null, 2)}\n`;
  if (process.env["UPDATE"] !== undefined) writeFileSync("configs/schema.json", text);
  assert.ok(readFileSync("configs/schema.json", "utf8") === text, "run UPDATE=1 npm test -- json_schema");
});

test.run();
