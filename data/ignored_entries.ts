/** What lies in a folder and is not used: counted by place and extension, so that one line tells of millions. */
export class IgnoredEntries {
  /** By place, then by extension. */
  readonly #counts = new Map<string, Map<string, number>>();

  /** `name` of a file, or of a folder with "/" behind it. Hidden ones, which systems leave everywhere, do not count. */
  add(place: string, name: string): void {
    if (name.startsWith(".")) return;
    const extension = name.endsWith("/") ? "folders" : /\.[^.]{1,8}$/.exec(name)?.[0].toLowerCase() ?? "no extension";
    const counts = this.#counts.get(place) ?? new Map<string, number>();
    this.#counts.set(place, counts.set(extension, (counts.get(extension) ?? 0) + 1));
  }

  /** "ignored: 3 entries that are no pictures (.bmp 2, .txt 1)", or null. */
  line(): string | null {
    if (this.#counts.size === 0) return null;
    const places = Array.from(this.#counts, ([place, counts]) => {
      const sorted = [...counts].sort(([, a], [, b]) => b - a), total = sorted.reduce((sum, [, n]) => sum + n, 0);
      const kinds = sorted.slice(0, 8).map(([extension, n]) => `${extension} ${n}`);
      return `${total} ${total === 1 ? "entry" : "entries"} ${place} (${kinds.join(", ")}${
        sorted.length > 8 ? ", ..." : ""
      })`;
    });
    return `ignored: ${places.join(" and ")}`;
  }
}
