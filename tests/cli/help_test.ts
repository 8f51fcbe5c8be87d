import { test } from "uvu";
import * as assert from "uvu/assert";
import { readdirSync, readFileSync } from "node:fs";
import { aboutOf } from "../../cli/configs.ts";
import { allcnn } from "./_run.ts";

test("configs tells each config that comes along in a line, with its data, its size and the paper's error", async () => {
  const { code, stdout } = await allcnn(["configs"]), [head, ...lines] = stdout.trimEnd().split("\n");
  assert.is(code, 0);
  assert.match(head!, /^config +data +parameters +paper's error +what it is$/);
  const names = readdirSync("configs").filter((name) => name.endsWith(".yaml")).map((name) => name.slice(0, -5));
  assert.equal(lines.map((line) => line.split(" ")[0]), names.sort());
  assert.ok(lines.every((line) => line.length <= 130), "longer than a line");
  assert.match(stdout, /^allcnn-c +cifar10 +1,369,738 +9\.08 % +All-CNN-C on CIFAR-10$/m);
  assert.match(stdout, /^quickstart +shapes +70,410 +- +Ours, .* \.\.\.$/m);
});

test("what a config is: the first sentence of its comment, shortened between words", () => {
  assert.is(
    aboutOf("# yaml-language-server: x\n# As He et al. (2015) do\n# it. More.\nname: a"),
    "As He et al. (2015) do it",
  );
  assert.is(aboutOf("name: a\n# later"), "");
  assert.is(aboutOf(`# ${"word, ".repeat(20)}.\nname: a`), `${"word, ".repeat(9)}word ...`);
});

test("help is what --help says, of all commands and of one; --version is that of the package", async () => {
  const [help, none, option, version] = await Promise.all(
    [["help"], [], ["--help"], ["--version"]].map((a) => allcnn(a)),
  );
  assert.is(help!.code, 0);
  assert.match(help!.stdout, /^ {2}allcnn evaluate +Prints/m);
  assert.is(none!.stdout, help!.stdout);
  assert.is(option!.stdout, help!.stdout);
  const { stdout } = await allcnn(["help", "evaluate"]);
  assert.match(stdout, /^Usage: allcnn evaluate RUN_OR_CHECKPOINT \[options\]$/m);
  assert.is(stdout, (await allcnn(["evaluate", "--help"])).stdout);
  assert.is(version!.stdout, `allcnn ${JSON.parse(readFileSync("package.json", "utf8")).version}\n`);
});

/** The command line, and the line that it must say. */
const MISSPELLED: readonly (readonly [readonly string[], RegExp])[] = [
  [["trian"], /^allcnn: Unknown command "trian", did you mean train\? There are configs, show, /],
  [["help", "evalute"], /^allcnn: Unknown command "evalute", did you mean evaluate\? /],
  [["constructor"], /^allcnn: Unknown command "constructor", expected configs, /],
  [
    ["train", "quickstart", "--epoch=3"],
    /^allcnn: Unknown option '--epoch', did you mean --epochs\? allcnn train --help/,
  ],
  [["train", "quickstart", "-epochs", "3"], /^allcnn: Unknown option '-epochs', did you mean --epochs\? /],
  [["evaluate", "run", "--nothing-like-it"], /^allcnn: Unknown option '--nothing-like-it'; allcnn evaluate --help/],
  [["--verison"], /^allcnn: Unknown option '--verison', did you mean --version\? /],
];

test("a misspelled command or option is one line, with the one that is meant where there is one", async () => {
  for (const [args, line] of MISSPELLED) {
    const { code, stdout, stderr } = await allcnn(args);
    assert.is(code, 1, args.join(" "));
    assert.is(stdout, "");
    assert.match(stderr, line);
    assert.is(stderr.trimEnd().split("\n").length, 1, stderr);
  }
});

test("--quiet leaves results and errors", async () => {
  const quiet = await allcnn(["predict", "demo", "models/samples/cat.png", "nothing.png", "--quiet"]);
  assert.match(quiet.stdout, /^models\/samples\/cat\.png\n {2}cat +\d+\.\d+ % =+\n/);
  assert.match(quiet.stderr, /^allcnn: Cannot read "nothing\.png"[^\n]*\n$/);
  assert.match((await allcnn(["train", "--help"])).stdout, /^ {2}--quiet +no progress/m);
});

test.run();
