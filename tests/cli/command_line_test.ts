/** Commands to be pasted, and how long a sweep takes that has unlike networks. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { commandLine } from "../../cli/command_line.ts";
import { secondsLeft } from "../../cli/sweep_table.ts";
import type { CellRecord } from "../../sweep/record.ts";

test("a command to be pasted starts the program as it was started", () => {
  const line = (file: string, env: Record<string, string>, command = "serve") =>
    commandLine(command, ["runs/my first"], { file, environment: (name) => env[name] });
  assert.is(line("/home/a/node_modules/.bin/allcnn", { npm_command: "exec" }), "npx allcnn serve 'runs/my first'");
  assert.is(line("/usr/bin/allcnn", { PATH: "/bin:/usr/bin" }), "allcnn serve 'runs/my first'");
  assert.is(line("/home/a/dist/allcnn.js", { PATH: "/bin" }), "node /home/a/dist/allcnn.js serve 'runs/my first'");
  assert.is(line("/home/a/train.ts", {}, "train"), "deno run -A /home/a/train.ts 'runs/my first'");
  assert.is(line("/home/a/train.ts", {}), "deno run -A /home/a/allcnn.ts serve 'runs/my first'");
});

test("the time that is left of a sweep is by what each network costs", () => {
  const cell = (id: string, epoch: number, seconds: number): CellRecord =>
    ({ id, config: id, state: epoch === 4 ? "done" : "pending", epoch, epochs: 4, seconds }) as CellRecord;
  const work = new Map([["small", 1], ["large", 10], ["huge", 30]]), none = new Map();
  const cells = [cell("small", 4, 8), cell("large", 0, 0)];
  assert.is(secondsLeft(cells, none, work), 2 * 10 * 4); // two seconds an epoch, ten times as much work, four epochs
  const running = new Map([["large", { epoch: 2, epochs: 4, loss: 1, error: 1, secondsLeft: 60 }]]);
  assert.is(secondsLeft([cell("large", 0, 0), cell("huge", 0, 0)], running, work), 60 + 20 * 3 * 4); // three epochs last 60 s
  assert.is(secondsLeft([cell("large", 0, 0)], none, work), null);
});

test.run();
