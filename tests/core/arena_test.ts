import { test } from "uvu";
import * as assert from "uvu/assert";
import { arena } from "../../core/graph/arena.ts";
import { UserError } from "../../core/host/errors.ts";
import type { ParamSpecs } from "../../core/graph/layer.ts";
import { draw, key } from "../../core/graph/random.ts";
import { bytesOf } from "../../core/graph/tensor.ts";

const k = key(1, 0, 0);
/** 40 tensors of 1 to 700 elements: most need padding to 256 bytes, and 4 KiB hold only a few. */
const SPECS: ParamSpecs = Object.fromEntries(
  Array.from({ length: 40 }, (_, i) => [`conv${i}/w`, { shape: [1 + draw(k, i) % 700], init: { constant: 0 } }]),
);

for (const bindingBytes of [2816, 4096, 10_000, 2 ** 27]) {
  const made = arena("params", SPECS, { bindingBytes });
  const views = Object.entries(made.views);

  test(`bindings of ${bindingBytes} bytes: aligned views inside chunks that fit one binding`, () => {
    assert.is(made.chunks.length > 1, bindingBytes < 2 ** 27);
    for (const chunk of made.chunks) {
      assert.ok(bytesOf(chunk) <= bindingBytes, `${bytesOf(chunk)}`);
      assert.is(bytesOf(chunk), chunk.buffer.bytes);
      assert.is(chunk.buffer.lifetime, "persistent");
      assert.is(chunk.offset, 0);
    }
    for (const [name, view] of views) {
      assert.is(view.offset % 256, 0, name);
      assert.ok(view.offset + bytesOf(view) <= view.buffer.bytes, `${name} straddles the end of its chunk`);
      assert.ok(made.chunks.some(({ buffer }) => buffer === view.buffer), `${name} lies in no chunk`);
    }
  });

  test(`bindings of ${bindingBytes} bytes: all tensors are there, in order, with their shapes, and none overlap`, () => {
    assert.equal(views.map(([name]) => name), Object.keys(SPECS));
    for (const [name, view] of views) assert.is(view.shape, SPECS[name]!.shape);
    for (const [index, [name, view]] of views.entries()) {
      const next = views[index + 1]?.[1];
      if (next === undefined) continue;
      const after = next.buffer === view.buffer ? next.offset >= view.offset + bytesOf(view) : next.offset === 0;
      assert.ok(after, `what follows ${name}`);
    }
  });

  test(`bindings of ${bindingBytes} bytes: equal specs give equal layouts in buffers of their own`, () => {
    const grads = arena("grads", SPECS, { bindingBytes });
    assert.equal(grads.chunks.map(bytesOf), made.chunks.map(bytesOf));
    const layout = (of: typeof made) => Object.values(of.views).map(({ offset, shape }) => [offset, shape]);
    assert.is(JSON.stringify(layout(grads)), JSON.stringify(layout(made)));
    assert.ok(grads.chunks.every(({ buffer }, i) => buffer !== made.chunks[i]!.buffer));
  });
}

test("a tensor that exactly fills a binding fits", () => {
  const { chunks } = arena("params", { w: { shape: [8, 8], init: { constant: 0 } } }, { bindingBytes: 256 });
  assert.is(chunks.length, 1);
});

test("a tensor larger than a binding is a UserError that names it and both sizes", () => {
  const specs: ParamSpecs = { ...SPECS, "big/w": { shape: [2, 2048], init: { constant: 0 } } };
  assert.throws(() => arena("params", specs, { bindingBytes: 8192 }), (error: Error) => {
    assert.instance(error, UserError);
    for (const part of ["big/w", "16384", "8192"]) assert.ok(error.message.includes(part), error.message);
    return true;
  });
});

test("no tensors give no chunks", () => {
  assert.equal(arena("params", {}, { bindingBytes: 256 }), { chunks: [], views: {} });
});

test.run();
