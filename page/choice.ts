/** A group of buttons of which one is chosen: arrow keys go from one to the next, as in a list. */

const STEPS: Readonly<Record<string, (columns: number) => number>> = {
  ArrowLeft: () => -1,
  ArrowRight: () => 1,
  ArrowUp: (columns) => -columns,
  ArrowDown: (columns) => columns,
  Home: () => -Infinity,
  End: () => Infinity,
};

export interface Choice {
  /** Marks a button as chosen, none where there is no such one; does not call `choose`. */
  mark(index: number): void;
}

/** Puts the buttons into `group`; `choose` hears of the one that a click or a key chooses. */
export function choiceOf(
  group: HTMLElement,
  buttons: readonly HTMLButtonElement[],
  choose: (index: number) => void,
): Choice {
  let chosen = -1;
  const mark = (index: number) => {
    chosen = index;
    for (const [at, button] of buttons.entries()) {
      button.setAttribute("aria-pressed", String(at === index));
      button.tabIndex = at === Math.max(0, index) ? 0 : -1; // one stop of the tab key for the whole group
    }
  };
  for (const [index, button] of buttons.entries()) {
    button.type = "button";
    button.onclick = () => {
      mark(index);
      choose(index);
    };
  }
  group.onkeydown = (event) => {
    const step = STEPS[event.key]?.(columnsOf(buttons));
    if (step === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    const next = buttons[Math.min(buttons.length - 1, Math.max(0, (at < 0 ? Math.max(0, chosen) : at) + step))];
    next?.focus();
    next?.click();
  };
  group.replaceChildren(...buttons);
  mark(-1);
  return { mark };
}

/** How many buttons stand in the first row. */
function columnsOf(buttons: readonly HTMLButtonElement[]): number {
  const first = buttons[0]?.offsetTop;
  const next = buttons.findIndex(({ offsetTop }) => offsetTop !== first);
  return next < 0 ? 1 : Math.max(1, next);
}
