// Short words of the kernel, in a corner for a while.

import { element } from "./dom";

const SHOWN_MS = 6000;

export class Toasts {
  readonly element = element("div", "toasts");
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();

  say(text: string, kind: "error" | "info"): void {
    const toast = element("div", `toast dinoscope-${kind}`, { role: kind === "error" ? "alert" : "status" }, text);
    this.element.append(toast);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      toast.remove();
    }, SHOWN_MS);
    this.#timers.add(timer);
  }

  close(): void {
    this.#timers.forEach(clearTimeout);
    this.#timers.clear();
  }
}
