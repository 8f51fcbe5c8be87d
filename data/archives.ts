/** The official archives of the data sets that can be downloaded, and what of them is kept. */
import { cifarFileBytes, type CifarFormat } from "./cifar.ts";
import { CIFAR100 } from "./cifar100.ts";
import { CIFAR10 } from "./cifar10.ts";

export interface Archive {
  /** The data set's name, for messages. */
  readonly name: string;
  /** The name of the .tar.gz file on the server. */
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
  /** The folder inside the archive, and the name of the one that its files end up in. */
  readonly folder: string;
  /** Bytes of each file that must be in there, by name. */
  readonly files: Readonly<Record<string, number>>;
  /** Small text files to keep too, where they are in there. */
  readonly texts: readonly string[];
}

/** Where the archives are. */
export const OFFICIAL_SERVER = "https://www.cs.toronto.edu/~kriz/";

function archive(format: CifarFormat, parts: Pick<Archive, "file" | "bytes" | "sha256" | "texts">): Archive {
  const sizes = (["train", "test"] as const).flatMap((split) =>
    format.files[split].map((file) => [file, cifarFileBytes(format, split)] as const)
  );
  return { name: format.name, folder: format.folder, files: Object.fromEntries(sizes), ...parts };
}

export const ARCHIVES: Readonly<Record<"cifar10" | "cifar100", Archive>> = {
  cifar10: archive(CIFAR10, {
    file: "cifar-10-binary.tar.gz",
    bytes: 170_052_171,
    sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    texts: ["batches.meta.txt"],
  }),
  cifar100: archive(CIFAR100, {
    file: "cifar-100-binary.tar.gz",
    bytes: 168_513_733,
    sha256: "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
    texts: ["coarse_label_names.txt", "fine_label_names.txt"],
  }),
};
