import { test } from "uvu";
import * as assert from "uvu/assert";
import { decode } from "fast-png";
import { captionedPicturesSvg, drawCaptionedPictures } from "../../report/captioned_pictures.ts";
import { confusionSvg, drawConfusion } from "../../report/confusion_picture.ts";

/** The bytes of the pictures in an SVG document. */
const images = (svg: string) =>
  [...svg.matchAll(/base64,([^"]+)"/g)].map(([, text]) => decode(Uint8Array.from(Buffer.from(text!, "base64"))));

test("a confusion matrix: numbers and names, blue on the diagonal, the worst mistake the strongest orange", async () => {
  const matrix = { title: "a < b", classes: ["cat", "dog"], confusion: [[8, 2], [0, 0]] }, svg = confusionSvg(matrix);
  assert.match(svg, /a &lt; b/);
  const numbers = [...svg.matchAll(/>(\d+)<\/text>/g)].map(([, text]) => text);
  assert.equal(numbers, ["8", "2"], "no number where there is nothing");
  for (const name of matrix.classes) assert.is(svg.split(`>${name}</text>`).length, 3, `${name} at row and column`);
  const [cells] = images(svg), pixel = (index: number) => [...cells!.data.subarray(3 * index, 3 * index + 3)];
  assert.equal([cells!.width, cells!.height], [2, 2]);
  assert.equal(pixel(1), [213, 94, 0]);
  assert.ok(pixel(0)[2]! > pixel(0)[0]!, "blue");
  assert.equal(pixel(2), pixel(3));
  const { width, height } = decode(await drawConfusion(matrix));
  assert.match(svg, new RegExp(`^<svg [^>]*width="${width}" height="${height}"`));
});

test("many classes: names without numbers, then neither, and no larger than a screen or two", () => {
  for (const [count, named] of [[100, true], [1000, false]] as const) {
    const classes = Array.from({ length: count }, (_, k) => `class ${k}`);
    const confusion = classes.map((_, k) => classes.map((_, j) => k === j ? 3 : 0));
    const svg = confusionSvg({ title: "many", classes, confusion });
    assert.is(svg.includes(">class 7</text>"), named);
    assert.not.match(svg, />3<\/text>/);
    const [, width, height] = /width="(\d+)" height="(\d+)"/.exec(svg)!.map(Number);
    assert.ok(width! < 1500 && height! < 1500, `${width}x${height}`);
  }
});

test("captioned pictures: in rows, enlarged by whole factors, each caption below its own", async () => {
  const picture = { width: 30, height: 20, pixels: new Uint8Array(30 * 20).fill(7) };
  const pictures = [0, 1, 2].map((n) => ({ picture, caption: [`true ${n}`, `predicted & ${n}`] }));
  const svg = captionedPicturesSvg({ title: "mistakes", note: "a note", columns: 2, pictures });
  const places = [...svg.matchAll(/<image x="(\d+)" y="(\d+)" width="(\d+)" height="(\d+)"/g)];
  const [x, y, width, height] = [1, 2, 3, 4].map((at) => places.map((place) => Number(place[at])));
  assert.equal([width, height], [[120, 120, 120], [80, 80, 80]]);
  assert.ok(x![1]! > x![0]! + 120 && x![2] === x![0] && y![1] === y![0] && y![2]! > y![0]! + 80, `${x} ${y}`);
  assert.match(svg, /predicted &amp; 2/);
  assert.equal([...images(svg)[0]!.data].slice(0, 3), [7, 7, 7]);
  assert.is(decode(await drawCaptionedPictures({ title: "t", note: "", columns: 5, pictures })).channels, 4);
});

test.run();
