/** `deno task`: a task for each command, whose narrow permissions suffice. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import process from "node:process";
import { execute } from "../cli/_run.ts";

const DENO = "node_modules/.bin/deno";
const { tasks } = JSON.parse(readFileSync("deno.json", "utf8")) as {
  tasks: Record<string, { description: string; command: string }>;
};

test("each script of a command has a task that names its permissions, and says that addons are outside the sandbox", () => {
  const scripts = readdirSync(".").filter((name) => name.endsWith(".ts") && name !== "mod.ts");
  assert.equal(Object.keys(tasks).sort(), scripts.map((name) => name.replace(/\.ts$/, "")).sort());
  for (const [name, { command }] of Object.entries(tasks)) {
    assert.match(command, new RegExp(` ${name}\\.ts$`));
    assert.not.match(command, / -A\b|--allow-all|--allow-run|--allow-(write|env|ffi|sys|net)( |$)/, name);
  }
  assert.match(tasks["train"]!.description, /--allow-ffi\) is outside Deno's sandbox/);
});

test("the permissions of deno task train suffice to write a run", async () => {
  if (!existsSync(DENO)) return console.log("skipped: Deno is not installed");
  const out = `runs/test-${process.pid}`;
  try {
    const { code, stdout, stderr } = await execute(DENO, ["task", "train", "quickstart", "--epochs=0", "--out", out]);
    assert.is(code, 0, stderr);
    assert.match(stdout, new RegExp(`The initial state is in ${out}`));
    assert.ok(existsSync(`${out}/checkpoint.safetensors`));
    const elsewhere = await execute(DENO, ["task", "train", "quickstart", "--epochs=0", "--out", "dist/elsewhere"]);
    assert.is(elsewhere.code, 1);
    assert.match(elsewhere.stderr, /^allcnn: Cannot .*"dist\/elsewhere.*": Requires write access/m);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
});

test.run();
