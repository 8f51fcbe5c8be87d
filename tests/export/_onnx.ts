/** Runs ONNX models in ONNX Runtime, on the CPU. */
import { InferenceSession, Tensor } from "onnxruntime-node";
import type { Shape } from "../../core/graph/tensor.ts";

/** Images [count, height, width, channels] as [count, channels, height, width]. */
function planes(images: Float32Array, [height, width, channels]: Shape): Float32Array {
  const pixels = height! * width!, size = pixels * channels!;
  return images.map((_, i) => {
    const n = Math.floor(i / size), c = Math.floor(i % size / pixels);
    return images[n * size + i % pixels * channels! + c]!;
  });
}

/** The outputs of a model for raw images [count, ...shape], count of them at once. */
export async function runOnnx(model: Uint8Array, images: Float32Array, shape: Shape) {
  const [height, width, channels] = shape as [number, number, number];
  const session = await InferenceSession.create(model, { intraOpNumThreads: 1 });
  const dims = [images.length / (height * width * channels), channels, height, width];
  const { logits, probabilities } = await session.run({ image: new Tensor("float32", planes(images, shape), dims) });
  await session.release();
  return { logits: logits!, probabilities: probabilities!, session };
}
