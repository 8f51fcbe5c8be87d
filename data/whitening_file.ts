/** A whitening as the bytes of a safetensors file. */
import { UserError } from "../core/host/errors.ts";
import { decodeTensors, encodeTensors } from "../core/host/safetensors.ts";
import type { Whitening } from "./whitening.ts";

export async function encodeWhitening({ mean, matrix }: Whitening): Promise<Uint8Array<ArrayBuffer>> {
  const tensors = {
    mean: { shape: [mean.length], data: mean },
    matrix: { shape: [mean.length, mean.length], data: matrix },
  };
  return await encodeTensors({ metadata: {}, tensors });
}

/** Throws `UserError`, naming `source`, where the bytes are no whitening of images of `size` values. */
export async function decodeWhitening(
  bytes: Uint8Array<ArrayBuffer>,
  source: string,
  size: number,
): Promise<Whitening> {
  const { mean, matrix } = (await decodeTensors(bytes, source)).tensors;
  if (mean?.data.length !== size || matrix?.data.length !== size ** 2) {
    throw new UserError(`Cannot use "${source}" as whitening: it has no mean [${size}] and matrix [${size}, ${size}]`);
  }
  return { mean: mean.data.slice(), matrix: matrix.data.slice() };
}
