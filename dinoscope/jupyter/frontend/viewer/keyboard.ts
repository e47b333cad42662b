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
      leaveToNotebook(root, event);
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

/**
 * Hands shortcuts such as Ctrl+S to the notebook. JupyterLab takes no keys from elements that suppress its shortcuts,
 * which is for the keys without Ctrl.
 */
export function leaveToNotebook(element: HTMLElement, event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey) {
    const taken = element.parentElement?.dispatchEvent(new KeyboardEvent("keydown", event)) === false;
    if (taken) {
      event.preventDefault();
    }
    event.stopPropagation(); // The copy is on its way.
  }
}

function focusOf(target: EventTarget | null): Focus {
  if (target instanceof HTMLButtonElement) {
    return "button";
  }
  return target instanceof HTMLInputElement ? "slider" : "view";
}
