/** Images that wait for a forward pass: calls that come while one runs share the next. */
import { compile, type Plan } from "../core/device/plan.ts";
import { type Readback, readback } from "../core/device/readback.ts";
import { forwardProgram } from "../core/graph/program.ts";
import { elements, type Tensor, tensor } from "../core/graph/tensor.ts";
import type { Model } from "./model.ts";
import { checkOpen } from "./params.ts";

/** Images [count, height, width, channels], f32, as the network takes them; on the device or not. */
export type NetworkInput = Float32Array | GPUBuffer;

export interface PredictQueue {
  /** The logits [count, classes]. Throws `UserError` where the model was closed. */
  logits(images: NetworkInput, count: number): Promise<Float32Array<ArrayBuffer>>;
  /** Compiles the pass for one image, which otherwise the first call does. */
  prepare(): Promise<void>;
  /** Frees what was compiled; nothing may be waiting. */
  free(): void;
}

/** A compiled forward pass for so many images. */
interface ForwardPass {
  readonly plan: Plan;
  readonly x: Tensor;
  readonly reading: Readback;
}

/** A call: some of its images may be in one pass, some in the next. */
interface Call {
  readonly images: NetworkInput;
  readonly count: number;
  readonly logits: Float32Array<ArrayBuffer>;
  /** Images that are in a pass by now, and those whose logits are there. */
  taken: number;
  done: number;
  resolve(): void;
  reject(error: unknown): void;
}

/** Images of a call in a pass: the first of them in the call, and in the pass. */
interface Part {
  readonly call: Call;
  readonly from: number;
  readonly at: number;
  readonly count: number;
}

/** Passes that are submitted and not read: the device computes one while the next is written. */
const IN_FLIGHT = 2;

async function compilePass(model: Model, batch: number): Promise<ForwardPass> {
  const x = tensor("x", [batch, ...model.input], { lifetime: "persistent" });
  const { logits, ...program } = forwardProgram(model, x);
  const plan = await compile(model.context, program, model.tuner, new Map(model.buffers));
  return { plan, x, reading: readback(model.context, plan, [logits]) };
}

/** The images that the next pass takes, the longest waiting first; calls whose images are all taken leave the line. */
function take(line: Call[], most: number): Part[] {
  const parts: Part[] = [];
  for (let at = 0; at < most && line.length > 0;) {
    const call = line[0]!, count = Math.min(call.count - call.taken, most - at);
    parts.push({ call, from: call.taken, at, count });
    call.taken += count;
    at += count;
    if (call.taken === call.count) line.shift();
  }
  return parts;
}

/** A queue for passes of at most `most` images: of 1, 2, 4 ..., each compiled when it is first needed. */
export function predictQueue(model: Model, most: number): PredictQueue {
  const { context, classes, users } = model, size = elements(model.input), rowBytes = 4 * size;
  const passes = new Map<number, Promise<ForwardPass>>(), line: Call[] = [];
  const inFlight: Promise<void>[] = [];
  let draining = false;

  function passFor(count: number): Promise<ForwardPass> {
    const batch = Math.min(most, 2 ** Math.ceil(Math.log2(count)));
    let pass = passes.get(batch);
    if (pass === undefined) {
      passes.set(batch, pass = compilePass(model, batch));
      pass.catch(() => passes.delete(batch)); // tried again by the next call
    }
    return pass;
  }

  async function runPass({ plan, x, reading }: ForwardPass, parts: readonly Part[]): Promise<void> {
    const buffer = plan.buffers.get(x.buffer)!;
    for (const { call: { images }, from, at, count } of parts) {
      if (!(images instanceof Float32Array)) continue;
      const offset = images.byteOffset + from * rowBytes;
      context.device.queue.writeBuffer(buffer, at * rowBytes, images.buffer as ArrayBuffer, offset, count * rowBytes);
    }
    const [bytes] = await reading.run((encoder) => {
      for (const { call: { images }, from, at, count } of parts) {
        if (images instanceof Float32Array) continue;
        encoder.copyBufferToBuffer(images, from * rowBytes, buffer, at * rowBytes, count * rowBytes);
      }
    });
    const rows = new Float32Array(bytes!);
    for (const { call, from, at, count } of parts) {
      call.logits.set(rows.subarray(at * classes, (at + count) * classes), from * classes);
      call.done += count;
      if (call.done === call.count) call.resolve();
    }
  }

  async function drain(): Promise<void> {
    await Promise.resolve(); // calls of the same moment share a pass
    while (line.length > 0) {
      const parts = take(line, most), total = parts.reduce((sum, { count }) => sum + count, 0);
      const failed = (error: unknown) => parts.forEach(({ call }) => call.reject(error));
      const pass = await passFor(total).catch(failed);
      if (pass === undefined) continue;
      inFlight.push(runPass(pass, parts).catch(failed));
      if (inFlight.length >= IN_FLIGHT) await inFlight.shift();
    }
    draining = false;
  }

  return {
    async logits(images, count) {
      checkOpen(model);
      const logits = new Float32Array(count * classes), leave = users.enter();
      try {
        if (count === 0) return logits;
        await new Promise<void>((resolve, reject) => {
          line.push({ images, count, logits, taken: 0, done: 0, resolve, reject });
          if (draining) return;
          draining = true;
          void drain();
        });
        return logits;
      } finally {
        leave();
      }
    },
    async prepare() {
      await passFor(1);
    },
    free() {
      for (const pass of passes.values()) {
        pass.then(({ plan, x, reading }) => {
          plan.buffers.get(x.buffer)!.destroy();
          plan.destroy();
          reading.destroy();
        }, () => {});
      }
      passes.clear();
    },
  };
}
