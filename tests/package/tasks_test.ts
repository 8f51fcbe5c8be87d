/** `deno task`: a task for each command, whose narrow permissions suffice. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import process from "node:process";
import { allcnn, execute } from "../cli/_run.ts";

const DENO = "node_modules/.bin/deno";
const { tasks, permissions } = JSON.parse(readFileSync("deno.json", "utf8")) as {
  tasks: Record<string, { description: string; command: string }>;
  permissions: Record<string, Record<string, unknown>>;
};

test("three scripts at the root; each command has a task, with one of the named sets of permissions", async () => {
  assert.equal(readdirSync(".").filter((name) => name.endsWith(".ts")).sort(), [
    "allcnn.ts",
    "mod.ts",
    "train.ts",
    "tune.ts",
  ]);
  const commands = [...(await allcnn(["--help"])).stdout.matchAll(/^ {2}allcnn (\w+)/gm)].map(([, name]) => name!);
  assert.ok(commands.length > 10);
  assert.equal(Object.keys(tasks).sort(), commands.sort());
  for (const [name, { description, command }] of Object.entries(tasks)) {
    assert.match(command, new RegExp(`^npx deno run -qP=(${Object.keys(permissions).join("|")}) `), name);
    assert.ok(command.endsWith(existsSync(`${name}.ts`) ? ` ${name}.ts` : ` allcnn.ts ${name}`), name);
    assert.not.match(command, / -A\b|--allow-all|--allow-(run|env|ffi|sys)|--allow-(write|net)( |$)/, name);
    assert.ok(description.length > 0 && !description.includes("\n"));
  }
  for (const [name, set] of Object.entries(permissions)) {
    for (const [kind, allowed] of Object.entries(set)) {
      assert.ok(kind === "read" ? allowed === true : kind !== "run" && Array.isArray(allowed), `${name}.${kind}`);
    }
  }
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
