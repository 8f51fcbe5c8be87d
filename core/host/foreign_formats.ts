// deno-lint-ignore-file no-control-regex
/** What people have instead of the file that is wanted: told by how it begins. */

interface Format {
  /** What it is, and what to do about it. */
  readonly what: string;
  readonly starts: RegExp;
}

/** Of the first bytes, each as a character. */
const FORMATS: readonly Format[] = [
  {
    what: "a pointer of Git LFS, not the file itself: fetch it with git lfs pull",
    starts: /^version https:\/\/git-lfs/,
  },
  { what: "a web page, so the download failed", starts: /^\s*(<!doctype html|<html)/i },
  { what: "of PyTorch: save its tensors with safetensors.torch.save_file", starts: /^PK\x03\x04[^]*\/data\.pkl/ },
  { what: "a zip archive, as of NumPy's .npz or Keras' .keras", starts: /^PK\x03\x04/ },
  { what: "a pickle, as of PyTorch or NumPy: save its tensors with safetensors", starts: /^\x80[\x02-\x05](?!\0\0)/ },
  { what: "of HDF5, as Keras writes it: save its tensors with safetensors", starts: /^\x89HDF\r\n/ },
  { what: "an array of NumPy", starts: /^\x93NUMPY/ },
  { what: "packed with gzip: unpack it", starts: /^\x1f\x8b/ },
  { what: "a GGUF file", starts: /^GGUF/ },
  { what: "a HEIC picture, as phones take them: save it as JPEG", starts: /^[^]{4}ftyp(heic|heix|mif1|msf1)/ },
  { what: "a PDF document", starts: /^%PDF/ },
];

/** Bytes that are enough to tell; a zip archive names its first file there. */
const ENOUGH = 256;

/** "a pickle, as of ...", or null for anything unknown. */
export function foreignFormat(bytes: Uint8Array): string | null {
  const start = Array.from(bytes.subarray(0, ENOUGH), (byte) => String.fromCharCode(byte)).join("");
  return FORMATS.find(({ starts }) => starts.test(start))?.what ?? null;
}
