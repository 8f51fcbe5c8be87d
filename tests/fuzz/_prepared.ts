/** What the fuzzer's cases share. */

/** A case before it is read: the damage, and the reading. */
export interface Prepared {
  readonly how: string;
  /** The damaged file, kept where the case fails. */
  readonly input: string | Uint8Array;
  read(): Promise<void>;
}

/** Rewrites a safetensors file with a header that is damaged as JSON; its checksum is lost with it. */
export function withHeader(bytes: Uint8Array, change: (header: Record<string, unknown>) => string): Uint8Array {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  delete header.__metadata__.allcnn_sha256;
  const text = new TextEncoder().encode(change(header)),
    file = new Uint8Array(8 + text.length + bytes.length - 8 - length);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(text, 8);
  file.set(bytes.subarray(8 + length), 8 + text.length);
  return file;
}

/** Warnings must be single lines too. */
export function oneLine(message: string): void {
  if (/[\r\n]/.test(message) || message.length > 3000) throw new Error(`A warning of several lines: ${message}`);
}
