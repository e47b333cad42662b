// Listens to the keys of the viewer.

import { commandOf, mayRepeat, type Command, type Focus } from "./keys";

export interface KeyHandlers {
  sections(): number;
  /** Returns whether it did something; else the key is left to the page. */
  perform(command: Command): boolean;
  hold(held: boolean): void;
}

export function listenToKeys(root: HTMLElement, { sections, perform, hold }: KeyHandlers, signal: AbortSignal): void {
  root.addEventListener("keydown", (event) => {
    const command = event.isComposing ? null : commandOf(event, { sections: sections(), focus: focusOf(event.target) });
    if (command === null) {
      return;
    }
    const ignored = event.repeat && !mayRepeat(command);
    if (ignored || perform(command)) {
      event.preventDefault();
      event.stopPropagation(); // Notebooks have shortcuts for these keys.
    }
  }, { signal });
  root.addEventListener("keyup", (event) => {
    if (event.key === " ") {
      hold(false);
    }
  }, { signal });
  root.addEventListener("focusout", () => hold(false), { signal });
}

function focusOf(target: EventTarget | null): Focus {
  if (target instanceof HTMLButtonElement) {
    return "button";
  }
  return target instanceof HTMLInputElement ? "slider" : "view";
}
