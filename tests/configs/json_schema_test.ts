import { test } from "uvu";
import * as assert from "uvu/assert";
import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { jsonSchemaText } from "../../configs/json_schema.ts";

test("configs/schema.json is what configs/schema.ts says (UPDATE=1 writes it)", () => {
  if (process.env["UPDATE"] !== undefined) writeFileSync("configs/schema.json", jsonSchemaText());
  assert.ok(readFileSync("configs/schema.json", "utf8") === jsonSchemaText(), "run UPDATE=1 npm test -- json_schema");
});

test.run();
