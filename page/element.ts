/** Making and finding elements. */

/** The element of an id of index.html. */
export function byId<E extends HTMLElement = HTMLElement>(id: string): E {
  return document.getElementById(id) as E;
}

/** A new element with properties, as `{ className: "quiet" }`, and children. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Partial<HTMLElementTagNameMap[K]> = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** Sets a line of text, marked as wrong if it is an error. */
export function say(id: string, text: string, wrong = false): void {
  byId(id).textContent = text;
  byId(id).classList.toggle("wrong", wrong);
}

export const messageOf = (error: unknown): string => error instanceof Error ? error.message : String(error);

export const pause = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));
