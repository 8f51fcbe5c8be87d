/** An official archive of a data set that can be downloaded, and what of it is kept. */
export interface Archive {
  /** The data set's name, for messages. */
  readonly name: string;
  /** The address that the file's name is appended to. */
  readonly server: string;
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
